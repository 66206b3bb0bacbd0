"""The page docs/importing.md, made from the tables of the importers.

`python -m flows.importing.reference` prints it; a test compares it with the file.
"""

from collections.abc import Mapping

from flows.importing.dify.importer import KINDS as DIFY
from flows.importing.flowise.importer import KINDS as FLOWISE
from flows.importing.n8n.kinds import KINDS as N8N
from flows.importing.steps import Kind

_WORDS = {"mapped": "taken over", "approximated": "changed", "unsupported": "to be replaced"}

INTRODUCTION = """\
# Importing flows

<!-- Printed by `python -m flows.importing.reference`; edit it and the importers' tables. -->

Workflows of n8n (JSON), Agentflows V2 of Flowise (JSON) and workflows and chatflows of Dify
(YAML) become flows, by the page of flows or by the API:

```sh
jq -Rs '{text: .}' workflow.json | curl -s $FLUX/flows/import \\
  -H "Authorization: Bearer $FLUX_KEY" -H "Content-Type: application/json" -d @-
```

The answer is `{document, report}`. Nothing is kept and nothing of the file is executed; the page
has a button that creates the flow, and programs send the document to `POST /flows`. The same
limits hold as for documents: 5 MB, 2,000 nodes, 10,000 edges, 100 levels.

## The report

Every node of the file has a row with what it became and one of three statuses:

- `mapped` (taken over): it does the same.
- `approximated` (changed): it does nearly the same; the row says what is different and what to
  do.
- `unsupported` (to be replaced): in its place stands a step that fails when it is reached, and a
  note with its settings. Connections and reads of its output stay, so that only this step has to
  be replaced.

Where an expression or a comparison has no like here, `{{ to_be_written['…'] }}` stands in its
place with its text. It is never evaluated: validation points at it, and the flow cannot be
published before it is written. Errors that validation finds for other reasons are told in the
rows too.

**Secrets** are never taken over, even where a file holds some: values under names such as
`password` or `authorization`, texts that look like keys, and all credentials. `[secret left
out]` stands in their place.

## What is different here

- A step has one output, not a list of items. What n8n does for each item stands inside a `map`;
  nodes that work on a list (sort, limit, aggregate …) become filters of expressions.
- Connections that lead back become a `loop`, 50 of them at most: further ones are left out, and
  the report says which. Where a loop can be left in several ways, a `switch`
  behind it takes the one that was chosen.
- State that changes on the way (Flowise's flow state, Dify's conversation and loop variables) is
  kept by the step that sets it, and read from the nearest one that ran. It does not outlast the
  run.
- What another product only names has to be made here, and the row says under which name: flows
  that are called, credentials, collections of documents.
- An agent's tools are flows, HTTP requests and MCP servers that are reached by HTTP. Others are
  left out and named; a search in documents becomes a tool as a flow with a node `knowledge`.
- A model remembers what its own step was asked and answered in a session, not the whole chat.
- Code in Python runs in the sandbox of the node `code`. JavaScript is never run: such a step has
  to be written anew.
- In SQL an expression becomes a parameter (`$1`): a value, never a name or a piece of SQL.
- There is no disk. What was read from one is a file that the run is given, in a field of the
  input; what is made is stored with the run.
- A flow has one input; several triggers share it. Triggers themselves are made again.
- Where a file has no end of its own, outputs are added that give what the last steps made.
- The moment `now` is when the run started."""

N8N_EXPRESSIONS = """\
In texts that begin with `=`: `$json`, `$input.item.json`, `$input.first().json`,
`$('Name').item.json`, `$node["Name"].json`, `$vars`, `$env` (as workspace variables),
`$execution.id`, `$workflow.name`, `$now`, `$today`, `$itemIndex`; members, literals, `+ - * /
%`, comparisons, `&& || ! ?? ?:`, template strings, objects and lists, and methods such as
`toLowerCase`, `trim`, `split`, `join`, `slice`, `includes`, `startsWith`, `replace`, `length`,
`map(x => x.a)`, `filter(x => x.a === 1)`, `toFormat`, `Math.round`, `JSON.stringify`. Not:
`all()`, regular expressions, functions of several statements, assignments."""

FLOWISE_EXPRESSIONS = """\
`{{ question }}`, `{{ $form.x }}`, `{{ $webhook.body.x }}`, `{{ $flow.state.x }}`, `{{
$flow.sessionId }}`, `{{ $vars.x }}`, `{{ $iteration.x }}`, `{{ nodeId }}`, `{{ nodeId.output.x
}}`, `{{ output.x }}` in updates of the state, `{{ current_date_time }}`. Text of the editor
loses its HTML. Not: `{{ chat_history }}`."""

DIFY_EXPRESSIONS = """\
`{{#node.field#}}` and selectors, `sys.query`, `sys.conversation_id`, `sys.workflow_run_id`,
`conversation.x`, `env.x` (as a workspace variable), `{{#context#}}`; Jinja of template nodes
with `if` and `for`, without `set` and macros. Not: `sys.user_id`, `{{#histories#}}`."""


def page() -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION]
    for title, table, prose in (
        ("n8n", N8N, N8N_EXPRESSIONS),
        ("Flowise", FLOWISE, FLOWISE_EXPRESSIONS),
        ("Dify", DIFY, DIFY_EXPRESSIONS),
    ):
        parts += [f"## {title}", _table(table), f"### Expressions of {title}", prose]
    return "\n\n".join(parts) + "\n"


def _table(kinds: Mapping[str, Kind]) -> str:
    lines = ["| type | status | becomes |", "|---|---|---|"]
    for name, kind in sorted(kinds.items()):
        becomes = ", ".join(f"`{one}`" for one in kind.becomes) or "a part of another node"
        lines.append(f"| `{name}` | {_WORDS[kind.status]} | {becomes} |")
    return "\n".join([*lines, "| all others | to be replaced | `transform`, `note` |"])


if __name__ == "__main__":
    print(page(), end="")
