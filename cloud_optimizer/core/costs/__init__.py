"""Money: unit prices, what capacity costs, what changes save, and whether promised savings came true."""
