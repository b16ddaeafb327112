import { existsSync, globSync } from "node:fs";

/** What is not installed of the Debian packages that a side needs. */
export function missingPackages(...packages: (keyof typeof checks)[]): string[] {
  return packages.filter((name) => !checks[name]());
}

export const alertmanagerProgram = "/usr/bin/prometheus-alertmanager";

const checks = {
  postgresql: () => globSync("/usr/lib/postgresql/*/bin/postgres").length > 0,
  "redis-server": () => existsSync("/usr/bin/redis-server"),
  "prometheus-alertmanager": () => existsSync(alertmanagerProgram),
};
