# One image for the web server and the workers; docker-compose.yml starts both from it.
FROM python:3.13-slim

# The HTTP stack trusts the operating system's certificates.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt

COPY . .

# All is installed: manage.py must not make a .venv. It also chooses the settings: workers have
# smaller ones of their own.
ENV FLUX_BOOTSTRAP=0 \
    FLUX_DATA_DIR=/data \
    FLUX_HOST=0.0.0.0 \
    PYTHONUNBUFFERED=1

# The keys made while collecting are thrown away: each copy has its own, from its environment.
RUN python -m fluxprompt.assets \
    && python manage.py prepare static \
    && rm -f /data/secrets.json \
    && rm -rf frontend/node_modules \
    && useradd --system --home-dir /data fluxprompt \
    && mkdir -p /data/files \
    && chown -R fluxprompt /data
USER fluxprompt
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "fluxprompt.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--lifespan", "off", "--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio", "--ws-max-size", "1000000", "--no-access-log", "--timeout-graceful-shutdown", "10"]
