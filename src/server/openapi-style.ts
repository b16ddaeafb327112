/** The page's own style; the Content-Security-Policy names it by its hash. */
export const openApiStyle = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
h3 { margin: 1rem 0 .25rem; font-size: 1rem; }
details { border: 1px solid #8886; border-radius: .4rem; margin: .5rem 0; padding: 0 .75rem; }
summary { cursor: pointer; padding: .5rem 0; }
summary b { display: inline-block; min-width: 4.5rem; }
.get { color: #1769aa; } .post { color: #1b7f3b; } .put { color: #a15c00; } .delete { color: #b3261e; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-top: 1px solid #8883; }
td p, .limits { margin: 0; } .limits { opacity: .75; font-size: .875rem; }
`;
