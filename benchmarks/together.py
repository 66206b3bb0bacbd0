"""Two browsers edit one flow at random: `python -m benchmarks.together`.

Two members of a workspace have the same flow open and change it for a minute: they add, delete,
connect, move, rename, type, undo. In the middle the web server is killed with kill -9 (with --hard
PostgreSQL too) and started again by `manage.py up`. Then both wait until all is saved. Exits 1 when
the two pages, the server's draft, the API and the replayed log are not equal to the byte, when the
canvas shows something else, or when an edit is neither in the log nor was told of.
"""

import argparse
import json
import random
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import together_hands as hands
from benchmarks.recovery import kill
from benchmarks.stack import EMAIL, Stack, running_stack, wait_ready
from benchmarks.together_check import canonical, lost_edits, replayed
from fluxprompt.testing.chromium import find

JSON = Any
SECOND = "second@example.com"
#: Milliseconds between two edits of a page, and seconds in which all has to be saved at the end.
EVERY, QUIET = 120, 90.0
START = {
    "schema": "fluxprompt.flow/v1",
    "name": "Together",
    "nodes": [
        {"id": "start", "type": "input", "config": {"fields": [{"name": "text", "type": "text"}]}},
        *(
            {"id": f"t{number}", "type": "template", "config": {"template": "Hello"}}
            for number in range(16)
        ),
        {"id": "end", "type": "output", "config": {"value": "{{ start.text }}"}},
    ],
    "edges": [{"from": "start", "to": "t0"}, {"from": "t0", "to": "end"}],
    "layout": {
        f"t{number}": {"x": number % 4 * 300, "y": number // 4 * 160} for number in range(16)
    },
}
MEMBER = """
from accounts.models import Membership, User
first = User.objects.get(email={first!r})
user = User.objects.create_user({second!r}, {password!r}, name="Grace Hopper")
Membership.objects.create(user=user, workspace=first.memberships.first().workspace, role="builder")
"""
LOG = """
import json
from flows.models import FlowChange
rows = FlowChange.objects.filter(flow_id={flow!r}, revision__gt={since}).order_by("revision")
print(json.dumps([{{"revision": r.revision, "tab": str(r.tab), "label": r.label, "ops": r.ops,
    "conflicts": r.conflicts, "id": str(r.change_id)}} for r in rows]))
"""


@dataclass
class Seat:
    """One browser with the flow open."""

    page: Page
    lines: int = 0
    by_hand: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def seat(stack: Stack, browser: Browser, email: str, flow: str) -> Seat:
    """Sign in by the form and open the flow."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"{stack.url}/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(stack.environment["DJANGO_SUPERUSER_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{stack.url}/")
    taken = Seat(page)
    page.on("pageerror", lambda error: taken.errors.append(str(error)))

    def count(_: object) -> None:
        taken.lines += 1

    page.on("websocket", count)
    page.goto(f"{stack.url}/flows/{flow}/edit/?debug")
    page.locator("[data-canvas][data-started]").wait_for()
    return taken


def edit(stack: Stack, seats: list[Seat], given: argparse.Namespace) -> list[str]:
    """Let everybody edit, and kill in the middle; what was killed."""
    dice = random.Random(given.seed)
    for taken in seats:
        hands.start(taken.page, dice.randrange(2**31), given.every)
    began, killed = time.monotonic(), []
    victims = [(0.5, "web"), *([(0.7, "postgres")] if given.hard else [])]
    while (passed := time.monotonic() - began) < given.seconds:
        if victims and passed > given.seconds * victims[0][0]:
            killed.append(victims.pop(0)[1])
            kill(stack, killed[-1])
        taken = dice.choice(seats)
        what = hands.by_hand(taken.page, dice)
        taken.by_hand[what] = taken.by_hand.get(what, 0) + 1
        taken.page.wait_for_timeout(dice.uniform(50, 400))
    for taken in seats:
        hands.stop(taken.page)
    return killed


def settle(stack: Stack, seats: list[Seat]) -> list[dict[str, JSON]]:
    """Wait until both pages have everything and are at one revision; what they hold."""
    wait_ready(stack)
    until = time.monotonic() + QUIET
    while True:
        read = [taken.page.evaluate(hands.READ) for taken in seats]
        saved = all(page["state"]["kind"] == "saved" for page in read)
        if saved and len({page["base"] for page in read}) == 1:
            return read
        if time.monotonic() > until:
            print("NOT saved in time:", [(page["state"], page["base"]) for page in read])
            return read
        seats[0].page.wait_for_timeout(250)


def judge(stack: Stack, seats: list[Seat], flow: str, since: int, start: JSON) -> list[str]:
    """What is wrong; prints the figures."""
    read = settle(stack, seats)
    log = json.loads(
        stack.manage("shell", "-v", "0", "-c", LOG.format(flow=flow, since=since)).splitlines()[-1]
    )
    answer = seats[0].page.request.get(f"{stack.url}/flows/{flow}/draft/").json()
    api = stack.api("GET", f"/flows/{flow}/document")
    made_again, failed = replayed(start, log)
    wanted = canonical(answer["document"])
    documents = {
        **{f"page {number}": page["document"] for number, page in enumerate(read, 1)},
        "API": api,
        "replayed log": made_again,
    }
    wrong = [f"{name} differs" for name, one in documents.items() if canonical(one) != wanted]
    wrong += [f"{failed} operations of the log cannot be replayed"] if failed else []
    nodes = sorted(node["id"] for node in answer["document"]["nodes"])
    for number, (taken, page) in enumerate(zip(seats, read, strict=True), 1):
        wrong += [f"page {number} shows other cards"] if page["cards"] != nodes else []
        # Wires out of sight are not in the page: none may be there that the draft lacks.
        wires = {f"{e['from']}>{e['to']}" for e in answer["document"].get("edges", [])}
        wrong += [f"page {number} shows wires of before"] if not {*page["wires"]} <= wires else []
        wrong += [f"page {number}: pins differ"] if page["pins"] != answer["pins"] else []
        wrong += [f"page {number} lost {edit}" for edit in lost_edits(page, log)]
        wrong += [f"page {number}: {error}" for error in {*taken.errors, *page["failed"]}]
    ids = [change["id"] for change in log]
    wrong += ["a change was applied twice"] if len(ids) != len(set(ids)) else []
    conflicts = sum(len(change["conflicts"]) for change in log)
    print(
        f"{sum(len(page['made']) for page in read)} edits, {len(log)} revisions, "
        f"{conflicts} conflicts in the log, {sum(len(page['notices']) for page in read)} told, "
        f"{sum(taken.lines - 1 for taken in seats)} reconnects, {len(nodes)} nodes at the end"
    )
    print("by hand:", [dict(sorted(taken.by_hand.items())) for taken in seats])
    return wrong


def main() -> None:
    """Edit, wait, compare."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--every", type=int, default=EVERY, help="milliseconds between edits")
    arguments.add_argument("--hard", action="store_true", help="kill PostgreSQL too")
    arguments.add_argument("--seed", type=int, default=random.randrange(2**31))
    given = arguments.parse_args()
    print(f"seed {given.seed}", flush=True)
    with ExitStack() as open_:
        stack = open_.enter_context(running_stack())
        password = stack.environment["DJANGO_SUPERUSER_PASSWORD"]
        member = MEMBER.format(first=EMAIL, second=SECOND, password=password)
        stack.manage("shell", "-v", "0", "-c", member)
        flow = stack.api("POST", "/flows", {"document": START})["id"]
        playwright = open_.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=find(), args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        open_.callback(browser.close)
        seats = [seat(stack, browser, email, flow) for email in (EMAIL, SECOND)]
        before = seats[0].page.request.get(f"{stack.url}/flows/{flow}/draft/").json()
        killed = edit(stack, seats, given)
        wrong = judge(stack, seats, flow, before["revision"], before["document"])
    print(f"killed: {', '.join(killed)}")
    print("\n".join(["NOT equal:", *wrong[:20]]) if wrong else "equal to the byte, no edit lost")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
