const project = (environment) => ({
  test: { name: environment, environment, include: ["mock.test.mjs"] },
});

export default { test: { projects: ["node", "jsdom", "happy-dom"].map(project) } };
