# The image of everything that is turnlog's own: processors, sinks, migrations, topics and the command line.
# `docker compose build` makes it; it needs nothing but a package index for pip.

FROM python:3.11.15-slim-bookworm AS wheel
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /source
COPY pyproject.toml README.md ./
COPY schemas schemas
COPY producers producers
COPY processors processors
COPY sinks sinks
COPY stack stack
RUN pip wheel --no-deps --wheel-dir /wheels .

FROM python:3.11.15-slim-bookworm
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 --user-group --create-home --home-dir /var/lib/turnlog --shell /usr/sbin/nologin turnlog \
 && install --directory --owner turnlog --group turnlog --mode 0700 /var/lib/turnlog/keys \
 && python -m venv /opt/turnlog
ENV PATH=/opt/turnlog/bin:$PATH
# The dependencies first, by way of an empty package: their layer lasts until they change.
WORKDIR /source
COPY pyproject.toml constraints.txt README.md ./
RUN for stage in schemas producers processors sinks stack; do mkdir -p "$stage/turnlog"; done \
 && pip install --constraint constraints.txt '.[all]'
COPY --from=wheel /wheels /wheels
RUN pip install --no-deps --force-reinstall /wheels/turnlog-*.whl
COPY --chmod=0755 deploy/prepare /usr/local/bin/turnlog-prepare
USER turnlog
WORKDIR /var/lib/turnlog
# Compiled once and kept, as containers can't write there: seconds of every start. On another kind of processor than this
# one they are compiled again. Only what belongs to who runs it is trusted, so this comes after USER.
ENV TURNLOG_CACHE=/var/lib/turnlog/.cache
RUN python -c 'from turnlog.processors.redaction import Scanner, builtin; Scanner(builtin())'
CMD ["turnlog", "--help"]
