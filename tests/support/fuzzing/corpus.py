"""Whatever crashed once, word for word: it is asked again each time."""

#: (kind, what was sent), as the tries of `expressions` take it.
EXPRESSIONS: tuple[tuple[str, str], ...] = (
    ("expression", "{{ 1e308١ }}"),
    ("template", "{% if 1e308١ %}{% endif %}"),
)
#: Documents, as data or text.
DOCUMENTS: tuple[object, ...] = ({"name": "x", "nodes": [{"id": "\ud800", "type": "if"}]},)
#: Forms that strangers sent: where, and what stood in `next`.
NEXT = "http://[::1"
FORMS = ("/accounts/login/", "/accounts/password/reset/", "/accounts/password/reset/key/x-x/")
