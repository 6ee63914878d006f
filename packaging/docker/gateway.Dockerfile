FROM debian:12-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends charon-systemd strongswan-swanctl \
      libstrongswan-extra-plugins libcharon-extra-plugins iproute2 iputils-ping \
 && rm -rf /var/lib/apt/lists/*
COPY packaging/docker/strongswan.conf /etc/strongswan.conf
COPY --chmod=755 packaging/docker/gateway-start /usr/local/bin/gateway-start
CMD ["gateway-start"]
