"""Static files with content hashes in their names, ES module imports included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """Rewrites `import` statements between our bundles to their hashed names."""

    support_js_module_import_aggregation = True
    manifest_strict = False
