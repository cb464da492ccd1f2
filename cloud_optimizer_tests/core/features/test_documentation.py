"""The page that people read is the registry."""

from pathlib import Path

from cloud_optimizer.core.features.documentation import features_markdown

PAGE = Path(__file__).parents[3] / "docs" / "features.md"


def test_the_page_equals_the_registry():
    assert PAGE.read_text() == features_markdown(), (
        "python -m cloud_optimizer.core.features.documentation > docs/features.md"
    )
