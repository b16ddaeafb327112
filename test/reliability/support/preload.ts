/** Has a service load a file of this folder before everything else, in each of its threads. `name`: "full-disk". */
export function preload(name: string): { NODE_OPTIONS: string } {
  return { NODE_OPTIONS: `--import ${new URL(`${name}.ts`, import.meta.url).href}` };
}
