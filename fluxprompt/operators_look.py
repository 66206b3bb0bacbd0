"""How the operators' admin looks, in the product's colours (see static/ for the rest of it)."""

from typing import Any

#: Indigo, from light to dark; 500 and 600 are the accents of the two themes.
_PRIMARY = {
    "50": "#eef2ff",
    "100": "#e0e7ff",
    "200": "#c7d2fe",
    "300": "#a5b4fc",
    "400": "#818cf8",
    "500": "#6366f1",
    "600": "#4f46e5",
    "700": "#4338ca",
    "800": "#3730a3",
    "900": "#312e81",
    "950": "#1e1b4b",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "FluxPrompt operators",
    "SITE_HEADER": "FluxPrompt",
    "SITE_SUBHEADER": "Operators",
    "SITE_SYMBOL": "account_tree",
    "SITE_URL": "/",
    "COLORS": {"primary": _PRIMARY},
    "SIDEBAR": {"show_search": True, "show_all_applications": False},
}
