"""`python -m cloud_optimizer.cli` is the `cloud-optimizer` command."""

from cloud_optimizer.cli.main import main

main()
