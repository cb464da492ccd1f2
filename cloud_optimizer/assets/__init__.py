"""The asset graph, one file per group. Assets load, call one core function, save and report."""
