"""Tags and filters that pages of every app share: states, durations, sizes, links."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from allauth.account.adapter import get_adapter
from django import template
from django.conf import settings
from django.forms import BoundField
from django.template.context import Context, RequestContext
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from lucide import IconDoesNotExist
from lucide.templatetags.lucide import lucide

from accounts.operators import system_settings
from flows.views.markdown import PageRoom, render_markdown

register = template.Library()

#: State → lucide icon and word; runs and nodes share them. `unreached` is what a node that was
#: still pending is called once its run has ended, `retrying` one that failed and is tried again.
STATES: dict[str, tuple[str, str]] = {
    "pending": ("circle-dashed", "Pending"),
    "queued": ("clock", "Queued"),
    "running": ("loader-circle", "Running"),
    "waiting": ("hourglass", "Waiting"),
    "retrying": ("refresh-cw", "Retrying"),
    "paused": ("circle-pause", "Paused"),
    "succeeded": ("circle-check", "Succeeded"),
    "failed": ("circle-x", "Failed"),
    "skipped": ("circle-slash", "Skipped"),
    "cancelled": ("ban", "Cancelled"),
    "unreached": ("circle-dashed", "Not reached"),
    "timed_out": ("timer-off", "Timed out"),
}


@register.inclusion_tag("partials/state.html")
def state(name: str, look: str = "", slot: bool = False) -> dict[str, Any]:
    """A run's or node's state as icon and word; the page needs `state_sprite`."""
    word = STATES.get(name, ("", name))[1]
    return {"state": name, "word": word, "look": look, "slot": slot}


@register.inclusion_tag("partials/state_sprite.html")
def state_sprite() -> dict[str, Any]:
    """The icons `state` refers to, once per page."""
    return {"icons": [(name, icon) for name, (icon, _) in STATES.items()]}


@register.simple_tag
def state_word(name: str) -> str:
    return STATES.get(name, ("", name))[1]


@register.simple_tag
def banner() -> str:
    """What operators want everybody to read; most often nothing."""
    return system_settings.banner()


@register.simple_tag
def csrf_cookie_name() -> str:
    """Where a script finds the token of this moment: a page that is open long has an old one."""
    return settings.CSRF_COOKIE_NAME


@register.simple_tag
def icon(name: str, size: int = 16, **attributes: object) -> str:
    """A lucide icon by a name that comes from data; an unknown name gives a box."""
    try:
        return lucide(name, size=size, aria_hidden="true", **attributes)
    except IconDoesNotExist:
        return lucide("box", size=size, aria_hidden="true", **attributes)


@register.simple_tag(takes_context=True)
def nav_link(
    context: RequestContext, href: str, text: str, icon_name: str, also: str = "", count: str = ""
) -> SafeString:
    """An entry of the main navigation, marked when the page is in its part of the site.

    `count` says how many things wait there; empty: none.
    """
    path = context["request"].path if "request" in context else ""
    inside = path == href or (href != "/" and path.startswith(href))
    inside = inside or bool(also and path.startswith(also))
    current = format_html(' aria-current="{}"', "page") if inside else ""
    picture = lucide(icon_name, size=18, aria_hidden="true")
    waiting = format_html(
        '<span class="nav-count">{}<span class="sr-only"> open</span></span>', count
    )
    return format_html(
        '<li><a href="{}"{}>{}{}{}</a></li>', href, current, picture, text, waiting if count else ""
    )


@register.simple_tag(takes_context=True)
def query_with(context: RequestContext, **changes: object) -> str:
    """This page's query string with some parameters changed; None removes one."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.filter
def duration(milliseconds: float | None) -> str:
    """Milliseconds as people say them: `340 ms`, `1.4 s`, `2 m 05 s`, `3 h 07 m`."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{round(milliseconds)} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} m"


@register.filter
def money(amount: Decimal | float | None) -> str:
    """US dollars with as many digits as a model call needs."""
    if not amount:
        return "$0"
    value = Decimal(amount)
    if value < Decimal("0.0001"):
        return "<$0.0001"
    return f"${value:.4f}" if value < 1 else f"${value:,.2f}"


@register.filter
def size(count: float | None) -> str:
    """Bytes as people say them."""
    value = float(count or 0)
    for unit in ("bytes", "KB", "MB"):
        if value < 1024 or unit == "MB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return ""


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago, in one short unit: `12 s ago`, `3 d ago`; after a month the date."""
    if moment is None:
        return ""
    seconds = max((timezone.now() - moment).total_seconds(), 0)
    if seconds < 5:
        return "just now"
    for unit, span, limit in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 86400)):
        if seconds < limit:
            return f"{int(seconds // span)} {unit} ago"
    if seconds < 30 * 86400:
        return f"{int(seconds // 86400)} d ago"
    return f"{moment:%Y-%m-%d}"


@register.simple_tag(takes_context=True)
def signup_open(context: RequestContext) -> bool:
    """Whether people may make an account for themselves."""
    request = context["request"]
    return bool(get_adapter(request).is_open_for_signup(request))


@register.simple_tag
def styled(field: BoundField) -> SafeString:
    """A form field with the classes of the design and its error told to screen readers."""
    kind = getattr(field.field.widget, "input_type", "")
    if kind in ("checkbox", "radio"):
        name = "input"
    elif kind == "select":
        name = "select"
    else:
        name = "input" if kind else "textarea"
    given = field.field.widget.attrs.get("class", "")
    return field.as_widget(attrs={"class": f"{name} {given}".strip()})


@register.filter
def with_code(text: str) -> SafeString:
    """A sentence in which names stand between backticks, with those as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return format_html("{}", text)
    return format_html_join(
        "",
        "{}",
        ((format_html("<code>{}</code>", p) if n % 2 else p,) for n, p in enumerate(parts)),
    )


@register.simple_tag(takes_context=True)
def markdown(context: Context, text: str | None) -> SafeString:
    """Text from a model or a person as safe HTML; all texts of a page share its room."""
    # The lowest layer of the context is the same for the page and all that it includes.
    room = context.dicts[0].setdefault("_markdown_room", PageRoom())
    return render_markdown(text or "", room)
