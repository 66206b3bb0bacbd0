"""WebSocket addresses."""

from django.urls import path

from execution.live.consumers import RunConsumer

websocket_urlpatterns = [path("ws/runs/<uuid:run_id>/", RunConsumer.as_asgi())]
