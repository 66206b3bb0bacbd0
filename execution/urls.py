"""Pages that show runs, the flows' own pages among them."""

from django.urls import URLPattern, path, register_converter

from execution.views import (
    approval_link,
    approvals,
    codec,
    connecting,
    credential,
    describe,
    editor,
    editor_runs,
    flow,
    flows,
    node_data,
    node_form,
    node_scope,
    run,
    run_compare,
    run_part,
    run_parts,
    run_steering,
    runs,
)


class ValueSide:
    """`input` or `output` in an address."""

    regex = "input|output"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(ValueSide, "side")

_CREDENTIAL = "settings/credentials/<uuid:credential_id>/"

urlpatterns: list[URLPattern] = [
    path("", flows.flow_list, name="flow-list"),
    path("flows/<uuid:flow_id>/", flow.flow_page, name="flow-detail"),
    path("flows/<uuid:flow_id>/run/", flow.run_flow, name="flow-run"),
    path("flows/<uuid:flow_id>/edit/", editor.flow_editor, name="flow-editor"),
    path("flows/<uuid:flow_id>/inputs/", editor.flow_inputs, name="flow-inputs"),
    path("flows/find/", editor.flow_find, name="flow-find"),
    path("flows/<uuid:flow_id>/edit/run/", editor_runs.run_draft, name="flow-try"),
    path("flows/<uuid:flow_id>/recent-runs/", editor_runs.recent_runs, name="flow-recent-runs"),
    path("flows/<uuid:flow_id>/cards/", editor.flow_cards, name="flow-cards"),
    path("flows/<uuid:flow_id>/nodes/<slug:key>/form/", node_form.node_form, name="node-form"),
    path("flows/<uuid:flow_id>/nodes/<slug:key>/scope/", node_scope.node_scope, name="node-scope"),
    path("flows/<uuid:flow_id>/nodes/<slug:key>/data/", node_data.node_data, name="node-data"),
    path("flows/<uuid:flow_id>/nodes/<slug:key>/last/", node_data.node_last, name="node-last"),
    path("flows/<uuid:flow_id>/preview/", node_scope.preview, name="flow-preview"),
    path("flows/<uuid:flow_id>/describe/", describe.describe_flow, name="flow-describe"),
    path(
        "flows/<uuid:flow_id>/describe/<uuid:run_id>/",
        describe.describe_review,
        name="flow-described",
    ),
    path(
        "flows/<uuid:flow_id>/describe/<uuid:run_id>/use/",
        describe.describe_use,
        name="flow-describe-use",
    ),
    path("runs/", runs.run_list, name="run-list"),
    path("runs/compare/", run_compare.run_compare, name="run-compare"),
    path("runs/<uuid:run_id>/", run.run_page, name="run-detail"),
    path("runs/<uuid:run_id>/flow.yaml", run.run_flow_file, name="run-flow"),
    path("runs/<uuid:run_id>/queue/", run.run_queue, name="run-queue"),
    path("runs/<uuid:run_id>/result/", run.run_result, name="run-result"),
    path("runs/<uuid:run_id>/cancel/", run_steering.run_cancel, name="run-cancel"),
    path("runs/<uuid:run_id>/pause/", run_steering.run_pause, name="run-pause"),
    path("runs/<uuid:run_id>/resume/", run_steering.run_resume, name="run-resume"),
    path("runs/<uuid:run_id>/again/", run_steering.run_again, name="run-again"),
    path("runs/<uuid:run_id>/only/", run_part.run_only, name="run-only"),
    path("runs/<uuid:run_id>/progress/", run_parts.run_progress, name="run-progress"),
    path("runs/<uuid:run_id>/steps/<slug:node>/", run_parts.run_step, name="run-step"),
    path(
        "runs/<uuid:run_id>/steps/<slug:node>/iterations/",
        run_parts.run_iterations,
        name="run-iterations",
    ),
    path("runs/<uuid:run_id>/nodes/<slug:node>/", run_parts.run_node, name="run-node"),
    path(
        "runs/<uuid:run_id>/nodes/<slug:node>/<side:side>.json",
        run_parts.node_value,
        name="node-value",
    ),
    path("runs/<uuid:run_id>/values/<slug:digest>/", run.run_value, name="run-value"),
    path("approvals/", approvals.approval_list, name="approval-list"),
    path("approvals/<uuid:approval_id>/", approvals.approval_page, name="approval-detail"),
    path("approvals/by-link/<str:token>/", approval_link.by_link, name="approval-link"),
    path(f"{_CREDENTIAL}", credential.credential_page, name="credential-detail"),
    path(f"{_CREDENTIAL}change/", credential.credential_change, name="credential-change"),
    path(f"{_CREDENTIAL}try/", credential.credential_try, name="credential-try"),
    path(f"{_CREDENTIAL}connect/", connecting.credential_connect, name="credential-connect"),
    path(
        f"{_CREDENTIAL}disconnect/",
        connecting.credential_disconnect,
        name="credential-disconnect",
    ),
    path(
        "settings/credentials/connected/",
        connecting.credential_connected,
        name="credential-connected",
    ),
    path(f"{_CREDENTIAL}remove/", credential.credential_delete, name="credential-delete"),
    path("temporal-codec/decode", codec.decode, name="temporal-codec-decode"),
    path("temporal-codec/encode", codec.encode, name="temporal-codec-encode"),
]
