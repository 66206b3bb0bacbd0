"""Whatever crashed once, word for word: it is asked again each time."""

#: (kind, what was sent), as the tries of `expressions` take it.
EXPRESSIONS: tuple[tuple[str, str], ...] = (
    ("expression", "{{ 1e308١ }}"),
    ("template", "{% if 1e308١ %}{% endif %}"),
)
#: Documents, as data or text.
DOCUMENTS: tuple[object, ...] = ()
