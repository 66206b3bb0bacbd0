"""WebSocket addresses."""

from django.urls import path

from execution.live.consumers import RunConsumer
from execution.live.flow_consumer import FlowConsumer

websocket_urlpatterns = [
    path("ws/runs/<uuid:run_id>/", RunConsumer.as_asgi()),
    path("ws/flows/<uuid:flow_id>/", FlowConsumer.as_asgi()),
]
