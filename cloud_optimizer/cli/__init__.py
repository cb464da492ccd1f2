"""The `cloud-optimizer` command: thin commands over core, resources and the asset graph."""
