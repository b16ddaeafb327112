# Pinned, so that a build of the same commit gives the same service.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Without install scripts: the image brings Node.js, which the package "node" would fetch.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY gen gen
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    JITSUDO_LISTEN=0.0.0.0:8080 \
    JITSUDO_DATA_DIR=/data
WORKDIR /app
RUN mkdir --mode=0700 /data && chown node:node /data
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
USER node
VOLUME /data
EXPOSE 8080
# Of plain HTTP; replace it where JITSUDO_TLS_CERT_FILE is set.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# No shell in between, so that SIGTERM arrives. Nothing is written outside /data.
CMD ["node", "dist/src/main.js"]
