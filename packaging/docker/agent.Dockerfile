FROM python:3.12-slim
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY agent agent
COPY mibs mibs
COPY datasource datasource
RUN pip install --no-cache-dir .
ENTRYPOINT ["flowmib"]
