/**
 * Which folder may import which. Imports flow downwards only: a folder knows those above it in this list.
 * `npm run lint:imports` holds the tree to it; a message says where the thing belongs instead.
 */
const ALLOWED = {
  common: [],
  settings: ["common"],
  applications: ["common"],
  authority: ["common", "settings"],
  escrow: ["common", "settings", "authority", "nodes"],
  delivery: ["common", "settings"],
  policies: ["common", "settings"],
  nodes: ["common", "settings"],
  components: ["common", "settings", "nodes"],
  stacks: ["common", "settings", "nodes", "components", "applications"],
  operations: ["common", "settings", "nodes", "delivery", "escrow"],
  references: ["common", "settings", "components", "policies"],
  lab: [
    "common",
    "settings",
    "applications",
    "authority",
    "escrow",
    "delivery",
    "nodes",
    "components",
    "stacks",
    "operations",
  ],
};

/** What to do where a folder is imported from below. */
const REMEDY = {
  lab: "what is deployed, or an operator runs, may not need the lab: pass it in from cli/, or move the shared part up",
  cli: "cli/ only parses and prints: move the shared part into the folder of its verb",
  operations: "move what both need into settings/ or nodes/",
  stacks: "names and addresses belong in settings/contract.ts",
  components: "what machines and components share belongs in settings/ or nodes/",
  nodes: "what settings and nodes share belongs in settings/",
};

const rules = Object.entries(ALLOWED).map(([folder, allowed]) => ({
  name: `imports-of-${folder}`,
  comment: `${folder}/ may import only ${["itself", ...allowed.map((name) => `${name}/`)].join(", ")}. Otherwise: ${Object.entries(
    REMEDY,
  )
    .filter(([name]) => name !== folder && !allowed.includes(name))
    .map(([name, text]) => `${name}/: ${text}`)
    .join("; ")}.`,
  severity: "error",
  from: { path: `^${folder}/` },
  to: {
    path: "^[^/]+/.",
    pathNot: ["^node_modules/", ...[folder, ...allowed].map((name) => `^${name}/`)],
    dependencyTypesNot: ["core", "npm", "npm-dev", "npm-no-pkg", "unknown"],
  },
}));

module.exports = {
  forbidden: [
    ...rules,
    {
      name: "nothing-imports-tests",
      comment:
        "Code outside tests/ may not import from tests/: move the shared part to the folder that owns it.",
      severity: "error",
      from: { pathNot: "^tests/" },
      to: { path: "^tests/" },
    },
    {
      name: "no-circles",
      comment: "Files that import each other: move what both need into a third file, or pass it in.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "pure-access-and-alarms",
      comment:
        "components/access/ and components/alarms/ are plain values that tests and the twin read: no Pulumi, and no component.",
      severity: "error",
      from: { path: "^components/(access|alarms)/" },
      to: { path: "^(components/[^/]+\\.ts|node_modules/@pulumi/)", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "deployer-needs-no-dev-packages",
      comment:
        "`npm ci --omit=dev` must install all that the program and the operators' verbs import: move the package to dependencies.",
      severity: "error",
      from: {
        path: "^(common|settings|applications|authority|escrow|delivery|policies|nodes|components|stacks|operations|cli)/",
      },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(docs|runbooks)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "types"],
      extensions: [".ts", ".js", ".mjs", ".cjs", ".json"],
    },
  },
};
