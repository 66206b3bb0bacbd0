"""How the operators' admin looks and is ordered, in the product's words and colours."""

from collections.abc import Callable
from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

#: Indigo, from light to dark; 400 and 600 are the accents of the two themes.
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

#: Group → (title, icon of Material Symbols, app, model).
_TABLES: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "Runs": (
        ("Runs", "play_circle", "execution", "run"),
        ("Node runs", "footprint", "execution", "noderun"),
        ("Drafts as run", "photo_camera", "execution", "snapshot"),
        ("Approvals", "approval", "execution", "approval"),
        ("Large values", "database", "execution", "blob"),
    ),
    "Flows": (
        ("Flows", "account_tree", "flows", "flow"),
        ("Versions", "history", "flows", "flowversion"),
    ),
    "Knowledge": (
        ("Collections", "library_books", "knowledge", "collection"),
        ("Documents", "article", "knowledge", "document"),
        ("Search indexes", "manage_search", "knowledge", "searchindex"),
    ),
    "People": (
        ("Users", "person", "accounts", "user"),
        ("Workspaces", "workspaces", "accounts", "workspace"),
        ("Memberships", "group", "accounts", "membership"),
        ("Invitations", "mail", "accounts", "invitation"),
        ("Groups of operators", "shield_person", "auth", "group"),
        ("E-mail addresses", "mail", "account", "emailaddress"),
        ("Second factors", "phonelink_lock", "mfa", "authenticator"),
        ("Sessions", "devices", "usersessions", "usersession"),
        ("Connected accounts", "link", "socialaccount", "socialaccount"),
    ),
    "Access": (
        ("API keys", "key", "accounts", "apikey"),
        ("Credentials", "lock", "accounts", "credential"),
        ("Variables", "data_object", "accounts", "variable"),
        ("Audit trail", "receipt_long", "accounts", "auditevent"),
    ),
    "Cost": (
        ("Usage", "monitoring", "billing", "usagerecord"),
        ("Price overrides", "sell", "billing", "priceoverride"),
        ("Catalogue of models", "neurology", "billing", "cataloguemodel"),
        ("Plans", "loyalty", "accounts", "plan"),
        ("Grants of credit", "redeem", "billing", "creditgrant"),
        ("Months of credit", "calendar_month", "billing", "creditmonth"),
        ("Months of runs", "event_repeat", "billing", "runmonth"),
    ),
    "Installation": (
        ("Changed settings", "tune", "accounts", "systemsetting"),
        ("Switches", "toggle_on", "accounts", "featureswitch"),
        ("Maintenance", "construction", "accounts", "maintenance"),
    ),
}


#: Pages of the console: (title, icon, name of the route, right).
_PAGES = (
    ("Workers and queues", "lan", "console-workers", "execution.view_run"),
    ("Plans and credit", "payments", "console-plans", "accounts.view_plan"),
    ("Models and prices", "price_change", "console-models", "billing.view_cataloguemodel"),
    ("Feature switches", "toggle_on", "console-features", "accounts.view_featureswitch"),
    ("System configuration", "tune", "console-configuration", "accounts.view_systemsetting"),
    ("Maintenance", "construction", "console-maintenance", "accounts.view_maintenance"),
)


def _may(right: str) -> Callable[[Any], bool]:
    return lambda request: bool(request.user.has_perm(right))


def _page(title: str, icon: str, route: str, right: str) -> dict[str, Any]:
    link = reverse_lazy(f"admin:{route}")
    return {"title": title, "icon": icon, "link": link, "permission": _may(right)}


def _item(title: str, icon: str, app: str, model: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
        "permission": _may(f"{app}.view_{model}"),
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "FluxPrompt operators",
    "SITE_HEADER": "FluxPrompt",
    "SITE_SUBHEADER": "Operators",
    "SITE_SYMBOL": "account_tree",
    "SITE_URL": "/",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("favicon.svg")}
    ],
    "STYLES": [lambda request: static("console/console.css")],
    "COLORS": {"primary": _PRIMARY},
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Console",
                "items": [
                    {"title": "Home", "icon": "home", "link": reverse_lazy("admin:index")},
                    *(_page(*page) for page in _PAGES),
                ],
            },
            *(
                {"title": title, "items": [_item(*table) for table in tables]}
                for title, tables in _TABLES.items()
            ),
        ],
    },
}
