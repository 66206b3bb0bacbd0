"""Files that come with the form of a run or of an approval: stored, and then inputs like others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, QueryDict

from accounts.permissions import Actor
from execution.files.errors import FileRefused
from execution.files.services import store_file
from execution.views.run_form import KEPT, PREFIX

JSON = Any


@dataclass(frozen=True)
class Sent:
    """The form's data with a file's id in the place of each file; what was refused of them."""

    data: QueryDict
    errors: list[Mapping[str, str]] = field(default_factory=list)


def with_uploads(actor: Actor, raw_fields: JSON, request: HttpRequest) -> Sent:
    """Store the files that were chosen in fields of the type `file`.

    So they are not lost where something else has to be mended: the form comes back with them. A
    field in which nothing was chosen keeps the file it had. Raises PermissionRefused.
    """
    sent = Sent(request.POST.copy())
    entries = raw_fields if isinstance(raw_fields, list) else []
    for entry in entries:
        if not isinstance(entry, Mapping) or entry.get("type") != "file":
            continue
        name = str(entry.get("name"))
        upload = request.FILES.get(f"{PREFIX}{name}")
        kept = request.POST.get(f"{KEPT}{name}", "")
        if upload is None:
            if kept and not sent.data.get(f"{PREFIX}{name}"):
                sent.data[f"{PREFIX}{name}"] = kept
            continue
        try:
            file = store_file(
                actor, upload.name or "", upload, media_type=upload.content_type or ""
            )
        except FileRefused as refused:
            sent.errors.append({"path": name, "code": refused.code, "message": refused.message})
        else:
            sent.data[f"{PREFIX}{name}"] = json.dumps(
                {"file": str(file.id), "name": file.name}, ensure_ascii=False, indent=2
            )
    return sent
