"""Models and prices: what calls cost now and why, own prices with their history, a refresh."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.models import AuditEvent
from billing.models import CatalogueModel, PriceOverride
from billing.services import refresh_catalogue
from fluxprompt.console.pages import console_page, operator_for, shown

#: Changes that are listed.
SHOWN = 30
_TARGETS = ("billing.priceoverride", "billing.cataloguemodel")


@require_http_methods(["GET", "HEAD", "POST"])
@console_page(sees="billing.view_cataloguemodel", changes="billing.change_cataloguemodel")
def models(request: HttpRequest) -> HttpResponse:
    """The catalogue with the prices in force; a POST refreshes it from the price package."""
    if request.method == "POST":
        done = refresh_catalogue()
        row = CatalogueModel.objects.order_by("model").first()
        if row is not None:
            operator_for(request).audit(
                "models.refresh", row, added=done.added, changed=done.changed
            )
        messages.success(request, f"{done.added} models are new, {done.changed} changed.")
        return redirect("admin:console-models")
    own = {row.model: row for row in PriceOverride.objects.order_by("model")}
    known = list(CatalogueModel.objects.order_by("model"))
    rows = [(row, own.pop(row.model, None)) for row in known]
    events = AuditEvent.objects.filter(target_type__in=_TARGETS)
    operator = operator_for(request)
    return shown(
        request,
        "models",
        "Models and prices",
        rows=rows,
        others=own.values(),
        events=events.order_by("-at")[:SHOWN],
        may_refresh=operator.may("billing.change_cataloguemodel"),
        may_price=operator.may("billing.add_priceoverride"),
    )
