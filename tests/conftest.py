"""Fixtures that several journeys share."""

from tests.support.editor_try import home as home
