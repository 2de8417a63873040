/** What the workflows and the rest of the project must agree on. Their syntax is actionlint's business, what an attacker could use zizmor's. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { REPO } from "../../common/paths.js";
import { ENGINE_VERSION } from "../../lab/sandbox/engine/engine.js";
import { STACK_NAMES } from "../../settings/stacks.js";
import { BASE_SETTINGS, recordStack } from "../support/recorder.js";

const read = (file: string) => parse(readFileSync(join(REPO, ".github", file), "utf8"));
const deploy = read("workflows/deploy.yml");
const deployStack = read("workflows/deploy-stack.yml").jobs.up;
/** How the workflow writes the stack that it was called for. */
const chosen: string = deployStack.env.STACK;
const pullRequest = read("workflows/pull-request.yml");

describe("deployment", () => {
  test("global first, then both regions, then link", () => {
    const needs = Object.fromEntries(STACK_NAMES.map((stack) => [stack, deploy.jobs[stack].needs]));
    expect(needs).toEqual({
      global: "plan",
      prod: ["plan", "global"],
      dr: ["plan", "global"],
      link: ["plan", "prod", "dr"],
    });
    for (const stack of STACK_NAMES) {
      expect(deploy.jobs[stack].with).toEqual({ stack });
      expect(deploy.jobs[stack].if).toContain(`fromJSON(needs.plan.outputs.stacks), '${stack}')`);
    }
  });

  test("one at a time per stack, and never cut off", () =>
    expect(deployStack.concurrency).toEqual({
      group: `deploy-${chosen}`,
      "cancel-in-progress": false,
    }));

  test("the epoch is checked right before up, and the escrow after it", () => {
    const commands = deployStack.steps.flatMap(({ run }: { run?: string }) => run ?? []);
    expect(commands).toEqual([
      'npx dr check-epoch "$STACK"',
      expect.stringMatching(/^pulumi up .*--policy-pack policies/),
      "npx dr bootstrap escrow --check",
    ]);
  });

  test("the last step of global refuses a deployment without a verified escrow", () => {
    const { run, if: when, ...more } = deployStack.steps.at(-1);
    expect(run).toBe("npx dr bootstrap escrow --check");
    expect(when).toBe(chosen.replace("inputs.stack", "inputs.stack == 'global'"));
    // Nothing lets it fail unseen.
    expect(Object.keys(more)).toEqual(["name"]);
  });
});

describe("the roles of components/pipeline-access.ts", () => {
  const repository = "example/service";
  const claim = "token.actions.githubusercontent.com";
  /** Of each role: the subjects and the workflow that it trusts. */
  const trust = async () => {
    const recording = await recordStack("global", {
      ...BASE_SETTINGS,
      pipeline: { repository, repositoryId: 456789 },
    });
    return new Map<string, { subjects: string[]; workflow: string }>(
      recording.ofType("aws:iam/role:Role").map(({ inputs }) => {
        const [statement] = JSON.parse(inputs.assumeRolePolicy).Statement;
        const like = statement.Condition?.StringLike;
        return [
          inputs.name,
          { subjects: like?.[`${claim}:sub`] ?? [], workflow: like?.[`${claim}:job_workflow_ref`] ?? "" },
        ];
      }),
    );
  };
  const prefix = "drs-pipeline-";
  const roleOf = (step: { with: { role: string } }, stack = "") =>
    prefix + step.with.role.replace(chosen, stack);
  const preparing = (steps: { uses?: string; with: { role: string } }[]) =>
    steps.find(({ uses }) => uses === "./.github/actions/prepare-pulumi") as { with: { role: string } };

  test("each deployment asks for the role that trusts its environment and its workflow", async () => {
    const roles = await trust();
    const step = preparing(deployStack.steps);
    for (const stack of STACK_NAMES) {
      const environment = deployStack.environment.replace(chosen, stack);
      expect(roles.get(roleOf(step, stack))).toEqual({
        subjects: [
          `repo:${repository}:environment:${environment}`,
          `repo:example@*/service@456789:environment:${environment}`,
        ],
        workflow: `${repository}/${deploy.jobs[stack].uses.replace("./", "")}@refs/heads/main`,
      });
    }
  });

  test("previews ask for the role that trusts their environment, whose reviewers come first", async () => {
    const { preview } = pullRequest.jobs;
    const { subjects, workflow } = (await trust()).get(roleOf(preparing(preview.steps))) ?? {};
    expect(subjects).toContain(`repo:${repository}:environment:${preview.environment}`);
    expect(workflow).toBe(`${repository}/.github/workflows/pull-request.yml@refs/pull/*/merge`);
  });
});

describe("permissions", () => {
  const workflows = ["deploy", "deploy-stack", "pull-request"].map((name) => read(`workflows/${name}.yml`));

  test("none by default, and never write to the repository's contents", () => {
    for (const { permissions, jobs } of workflows) {
      expect(permissions).toEqual({});
      for (const job of Object.values<{ permissions?: { contents?: string } }>(jobs))
        expect(job.permissions?.contents ?? "read").toBe("read");
    }
  });

  test("what may comment runs nothing of the change, what runs the change may not comment", () => {
    for (const job of Object.values<any>(pullRequest.jobs)) {
      const runsTheChange = job.steps.some(({ uses }: { uses?: string }) =>
        uses?.startsWith("actions/checkout@"),
      );
      expect(job.permissions?.["pull-requests"] === "write" && runsTheChange).toBe(false);
    }
  });
});

test("every action is pinned to a commit, and Pulumi's version is the sandbox's", () => {
  const files = readdirSync(join(REPO, ".github"), { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".yml"),
  );
  const uses = files.flatMap((file) =>
    [...readFileSync(join(REPO, ".github", file), "utf8").matchAll(/uses: (\S+)/g)].map(
      ([, action]) => action as string,
    ),
  );
  const unpinned = uses.filter((action) => !action.startsWith("./") && !/@[0-9a-f]{40}$/.test(action));
  expect(unpinned).toEqual([]);
  const { steps } = read("actions/prepare-pulumi/action.yml").runs;
  const pulumi = steps.find(({ uses }: { uses?: string }) => uses?.startsWith("pulumi/actions@"));
  expect(pulumi.with["pulumi-version"]).toBe(ENGINE_VERSION);
});
