# syntax=docker/dockerfile:1
# One image; the services of docker-compose.yml differ by their command only.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/sentinel
WORKDIR /build
# Packages first: this layer is built again only when the lock file changes.
COPY requirements-server.txt .
RUN /opt/sentinel/bin/pip install --require-hashes --only-binary :all: -r requirements-server.txt
COPY pyproject.toml README.md celeryconfig.py ./
COPY sentinel sentinel
COPY tasks tasks
COPY migrations migrations
# setuptools comes from the lock file: nothing is fetched here that has no hash.
RUN /opt/sentinel/bin/pip install --no-deps --no-build-isolation --no-index .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin sentinel \
    && install -d -o sentinel -g sentinel -m 0700 /var/lib/sentinel
COPY --from=build /opt/sentinel /opt/sentinel
ENV PATH=/opt/sentinel/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SENTINEL_ENV=production \
    SENTINEL_LOG_FORMAT=json \
    SENTINEL_STATE_DIR=/var/lib/sentinel
WORKDIR /var/lib/sentinel
USER sentinel
ENTRYPOINT ["sentinel"]
CMD ["--help"]
