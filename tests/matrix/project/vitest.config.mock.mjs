const project = (environment) => ({
  test: {
    name: environment,
    environment,
    include: ["mock", ...environment === "node" ? ["example"] : []].map((name) => `${name}.test.mjs`),
  },
});

export default { test: { projects: ["node", "jsdom", "happy-dom"].map(project) } };
