"""Static files with content hashes in their names, ES module imports included."""

from typing import Any

from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

#: What only a developer's tools ask for is not compressed: it was a third of the work.
_FOR_TOOLS = ("map", "md", "txt")


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """Rewrites `import` statements between our bundles to their hashed names."""

    support_js_module_import_aggregation = True
    manifest_strict = False

    def create_compressor(self, **options: Any) -> Compressor:
        """As WhiteNoise does it, with more that is left as it is."""
        left = (*(options.pop("extensions") or Compressor.SKIP_COMPRESS_EXTENSIONS), *_FOR_TOOLS)
        return Compressor(**options, extensions=left)
