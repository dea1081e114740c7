# A static binary in an image that holds nothing else: no shell, no package manager.
#
#   docker build --build-arg VERSION=1.0.0 --build-arg COMMIT=$(git rev-parse HEAD) -t sangam .
#   mkdir etc && cp deploy/container.yaml etc/config.yaml      # and put your sources in
#   docker run -v ./etc:/etc/sangam:ro -v sangam-data:/var/lib/sangam -p 127.0.0.1:8080:8080 sangam
#
# The configuration is mounted as a directory, so that the daemon sees when the file is
# replaced. deploy/compose.yaml is the same with less to type.

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=dev COMMIT=
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false \
      -ldflags="-s -w -buildid= -X main.version=$VERSION -X main.commit=$COMMIT" -o /out/sangam ./cmd/sangam \
 && mkdir -p /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/sangam /usr/local/bin/sangam
# The volume starts as a copy of this directory, so the nonroot user may write in it.
COPY --from=build --chown=65532:65532 /out/data /var/lib/sangam
COPY --from=build /src/deploy/container.yaml /etc/sangam/config.yaml
USER 65532:65532
VOLUME /var/lib/sangam
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["/usr/local/bin/sangam", "healthcheck", "--config", "/etc/sangam/config.yaml"]
ENTRYPOINT ["/usr/local/bin/sangam"]
CMD ["run", "--config", "/etc/sangam/config.yaml"]
