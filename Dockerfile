# One image for both processes: the web (`serve`, the default) and the worker (`worker`).
# A digest pins the base exactly: --build-arg PYTHON_IMAGE=python@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build

ENV UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1

WORKDIR /src

COPY requirements-uv.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
    --require-hashes --requirement requirements-uv.txt

# Before the sources, so that a change of code alone does not install the dependencies again. Wheels only: an sdist
# would run its own build with unpinned tools.
COPY requirements.txt ./
RUN uv venv /opt/bridge \
 && uv pip install --python /opt/bridge --compile-bytecode --only-binary :all: \
    --no-deps --require-hashes --requirement requirements.txt

COPY pyproject.toml README.md ./
COPY bridge ./bridge
COPY workers ./workers
COPY config ./config
# Offline: uv brings its own build backend, so nothing unpinned can get in here.
RUN uv build --offline --wheel --out-dir /dist \
 && uv pip install --offline --python /opt/bridge --compile-bytecode --no-deps /dist/*.whl


FROM ${PYTHON_IMAGE}

LABEL org.opencontainers.image.title="Jelou Ticket Bridge" \
      org.opencontainers.image.description="Tickets become Jelou conversations, conversations find their tickets"

ENV PATH=/opt/bridge/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BRIDGE_HOST=0.0.0.0 \
    BRIDGE_PORT=8080 \
    BRIDGE_CONFIG=/etc/bridge/bridge.yaml

COPY --from=build /opt/bridge /opt/bridge

# A number, because Kubernetes cannot tell from a name that it is not root.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
STOPSIGNAL SIGTERM

# For container runtimes without probes of their own; Kubernetes ignores it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 CMD ["bridge", "health"]

ENTRYPOINT ["bridge"]
CMD ["serve"]
