"""The FluxPrompt project: settings, urls, the ASGI application and the embedded stack."""
