"""Which name was meant by one that is not known."""

import pytest

from cloud_optimizer.core.names import way_out

KNOWN = ("shop/checkout", "shop/cart", "bitbrains-rnd-vm-001", "bitbrains-rnd-vm-002")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("checkout", "did you mean shop/checkout?"),  # a part of it
        ("shop/chekcout", "did you mean shop/checkout or shop/cart?"),
        ("vm-01", "did you mean bitbrains-rnd-vm-001 or bitbrains-rnd-vm-002?"),
        ("SHOP/cart", "did you mean shop/cart?"),
        ("bitbrains-rnd-vm-01", "did you mean bitbrains-rnd-vm-001 or bitbrains-rnd-vm-002?"),
        ("postgres", "see the list"),
    ],
)
def test_the_known_names_most_like_it_are_asked_for(name: str, words: str) -> None:
    assert way_out(name, (*KNOWN, *KNOWN), "see the list") == words
