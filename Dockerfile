# One image for every process: the receiver, the worker, Flower, and the migration before them.

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/bridge
WORKDIR /build
# The exact versions, with hashes, and without the development extra; this layer lasts as long as the lock file.
COPY requirements-production.lock ./
RUN /opt/bridge/bin/pip install --require-hashes --no-deps -r requirements-production.lock
COPY pyproject.toml README.md LICENSE ./
COPY receiver receiver
COPY workers workers
COPY shared shared
COPY tools tools
RUN /opt/bridge/bin/pip install --no-deps .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /home/bridge bridge
COPY --from=build /opt/bridge /opt/bridge
ENV PATH=/opt/bridge/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /home/bridge
USER bridge
EXPOSE 8000
CMD ["sh", "-c", "exec python -m receiver --host ${BIND:-0.0.0.0} --port ${PORT:-8000} --workers 2"]
