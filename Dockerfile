# The final stage is the program and nothing else. "make image" builds it; where
# no registry can be reached, it builds the same stage from the local binary.
FROM golang:1.26 AS build
ARG GOPROXY
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make rootfs

FROM scratch
COPY --from=build /src/dist/rootfs/ /
ENTRYPOINT ["/usr/bin/supervisord"]
CMD ["-n", "-c", "/etc/supervisord.conf"]
