"""What a workspace that is closed leaves outside of its own rows: workflows, bytes, indexes."""

import logging
from collections.abc import Sequence
from functools import partial
from itertools import batched
from uuid import UUID

from django.db import transaction
from temporalio.service import RPCError

from accounts.models import Credential, Workspace
from billing.models import RunMonth
from execution.dispatch import terminate
from execution.files.models import File
from execution.files.services import drop_leftover
from execution.knowledge.dispatch import workflow_id
from execution.knowledge.models import Collection, SearchIndex
from execution.knowledge.own_indexes import drop_own
from execution.models import OPEN, CredentialRate, Run
from execution.temporal_client import TemporalUnreachable

logger = logging.getLogger(__name__)
#: Runs whose rows are deleted by one statement.
BATCH = 200
#: Files whose bytes are dropped at once; a worker's sweep drops those of the others.
AT_ONCE = 100


def empty_workspace(workspace: Workspace) -> None:
    """Delete its runs, files and search indexes; within the transaction that deletes it.

    After the commit its workflows are ended, and bytes dropped. A workflow that cannot be reached
    then ends itself at its next step: nothing is recorded of a run that is not there.
    """
    # The youngest first, as everybody who locks several runs.
    rows = Run.objects.filter(workspace=workspace).order_by("-id")
    still_open = rows.filter(status__in=OPEN).select_for_update()
    workflows = [f"run-{id}" for id in still_open.values_list("id", flat=True)]
    for batch in batched(list(rows.values_list("id", flat=True)), BATCH):
        Run.objects.filter(id__in=batch).only("id").delete()
    collections = Collection.objects.filter(workspace=workspace).values_list("id", flat=True)
    workflows += [workflow_id(id) for id in collections]
    indexes = SearchIndex.objects.filter(workspace=workspace)
    own = list(indexes.filter(own_indexes=True).values_list("id", flat=True))
    indexes.delete()
    files = File.objects.filter(workspace=workspace)
    keys = list(files.values_list("key", flat=True)[:AT_ONCE])
    # Its trigger leaves word of the bytes, whatever happens after this.
    files.delete()
    # Starts under way hold the count of their month.
    RunMonth.objects.filter(workspace=workspace).delete()
    credentials = Credential.objects.filter(workspace=workspace).values_list("id", flat=True)
    CredentialRate.objects.filter(credential__in=list(credentials)).delete()
    transaction.on_commit(partial(_tidy_up, workflows, keys, own), robust=True)


def _tidy_up(workflows: Sequence[str], keys: Sequence[str], indexes: Sequence[UUID]) -> None:
    try:
        terminate(workflows, "The workspace was deleted")
    except (TemporalUnreachable, RPCError) as error:
        logger.warning("Workflows of a deleted workspace end at their next step: %s", error)
    for key in keys:
        drop_leftover(key)
    for index in indexes:
        drop_own(index)
