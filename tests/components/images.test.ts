import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { architectureOf, Images } from "../../components/images.js";
import { buildFiles } from "../../nodes/image/component-document.js";
import { PACKAGED_SERVICES } from "../../nodes/image/services.js";
import { contractOf } from "../../settings/contract.js";
import { parseRegionSettings } from "../../settings/parse.js";
import { awsProvider } from "../../stacks/providers.js";
import { ACCOUNT_ID, BASE_SETTINGS, HANDOFF, type Recording, record } from "../support/recorder.js";

/** Image Builder's limit for a component's `data`, in characters. */
const COMPONENT_LIMIT = 16_000;

const BUCKET = `drs-artifacts-${ACCOUNT_ID}-eu-central-1`;
const type = (name: string) => `aws:imagebuilder/${name[0]?.toLowerCase()}${name.slice(1)}:${name}`;

const build = async (raw: Record<string, unknown> = {}) => {
  const settings = parseRegionSettings("dr", { ...BASE_SETTINGS, ...raw });
  const contract = contractOf(settings, ACCOUNT_ID);
  const files = await buildFiles();
  return record(() => {
    new Images(
      "images",
      {
        settings,
        contract,
        region: "recovery",
        build: files,
        vpcId: "vpc-1",
        privateSubnetIds: ["private-a", "private-b", "private-c"],
        dataKeyArn: HANDOFF.dataKeyArn,
      },
      { provider: awsProvider(settings, "eu-central-1") },
    );
    return {};
  });
};

describe("images of a region", () => {
  let images: Recording;
  beforeAll(async () => {
    images = await build();
  });
  const component = (kind: string) => parse(images.one(`images-${kind}-component`).inputs.data);
  const step = (kind: string, name: string) =>
    component(kind).phases[0].steps.find((s: { name: string }) => s.name === name);

  test("stay in the region and go nowhere else", () => {
    for (const kind of ["database", "tomcat"]) {
      const { inputs, region } = images.one(`images-${kind}-distribution`);
      expect(region).toBe("eu-central-1");
      expect(inputs.distributions).toHaveLength(1);
      expect(inputs.distributions[0]).toMatchObject({
        region: "eu-central-1",
        amiDistributionConfiguration: { kmsKeyId: HANDOFF.dataKeyArn },
        ssmParameterConfigurations: [
          // The prefix is the only one that Image Builder's own role may write.
          { parameterName: `/imagebuilder/drs/${kind}`, dataType: "aws:ec2:image" },
        ],
      });
    }
  });

  test("are built encrypted, on a private machine with IMDSv2 that nothing can connect to", () => {
    const { inputs } = images.one("images-arm64", type("InfrastructureConfiguration"));
    expect(inputs).toMatchObject({
      instanceProfileName: "drs-eu-central-1-image",
      instanceMetadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
      subnetId: "private-a",
      securityGroupIds: ["images-build-id"],
      terminateInstanceOnFailure: true,
    });
    expect(images.ofType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")).toEqual([]);
    expect(images.one("images-build-to-mirrors").inputs).toMatchObject({ fromPort: 443, toPort: 443 });
    for (const kind of ["database", "tomcat"]) {
      expect(images.one(`images-${kind}-recipe`).inputs.blockDeviceMappings).toEqual([
        {
          deviceName: "/dev/xvda",
          ebs: expect.objectContaining({ encrypted: "true", kmsKeyId: HANDOFF.dataKeyArn }),
        },
      ]);
    }
  });

  test("every file that the component downloads is uploaded, under that very key", () => {
    const objects = images.ofType("aws:s3/bucketObjectv2:BucketObjectv2");
    const uploaded = objects.map(({ inputs }) => `s3://${inputs.bucket}/${inputs.key}`).sort();
    for (const kind of ["database", "tomcat"]) {
      const { inputs } = step(kind, "Download");
      expect(inputs.map(({ source }: { source: string }) => source).sort()).toEqual(uploaded);
      expect(inputs.every((i: { expectedBucketOwner: string }) => i.expectedBucketOwner === ACCOUNT_ID)).toBe(
        true,
      );
    }
    expect(uploaded.every((uri) => uri.startsWith(`s3://${BUCKET}/images/`))).toBe(true);
    const bundle = JSON.parse(objects[0]?.inputs.content);
    expect(Object.keys(bundle)).toContain("payload/usr/local/sbin/dr-attach-volume");
    expect(Object.keys(bundle)).toContain("scripts/install-database.sh");
    expect(Object.keys(bundle)).toContain("scripts/node-requirements.txt");
  });

  test("the component unpacks them as they were", async () => {
    const dir = await mkdtemp(join(tmpdir(), "image-"));
    const { bundle } = await buildFiles();
    await writeFile(join(dir, "bundle.json"), bundle);
    const line: string = step("database", "Unpack").inputs.commands.at(-1);
    await execa("bash", ["-c", line.replace("/var/tmp/dr-image", dir)]);
    for (const [path, content] of Object.entries(JSON.parse(bundle)))
      expect(await readFile(join(dir, path), "utf8")).toBe(content);
    await rm(dir, { recursive: true });
  });

  test("the component waits for its files", () => {
    const objects = images.ofType("aws:s3/bucketObjectv2:BucketObjectv2");
    const { dependencies } = images.one("images-database-component");
    for (const { name } of objects) expect(dependencies.some((urn) => urn.endsWith(`::${name}`))).toBe(true);
  });

  test("each kind runs its own install script, of those that were downloaded", () => {
    for (const kind of ["database", "tomcat"]) {
      const commands: string[] = step(kind, "Install").inputs.commands;
      expect(commands[0]).toBe("set -euo pipefail");
      expect(commands[1]).toContain(`scripts/install-${kind}.sh`);
      const bundle = JSON.parse(images.ofType("aws:s3/bucketObjectv2:BucketObjectv2")[0]?.inputs.content);
      const present = Object.keys(bundle).map((path) => `/var/tmp/dr-image/${path}`);
      for (const command of commands.slice(1)) expect(present).toContain(command.split(" ")[1]);
    }
  });

  test("an image is proven before it is taken and again on a machine started from it", () => {
    expect(component("database").phases.map(({ name }: { name: string }) => name)).toEqual([
      "build",
      "validate",
      "test",
    ]);
    const { commands } = component("database").phases[1].steps[0].inputs;
    // Under `set -e` a negated command that fails is passed over.
    expect(commands.filter((line: string) => line.startsWith("!"))).toEqual([]);
  });

  test("an image in which a package's service is confined too little is not taken", () => {
    for (const kind of ["database", "tomcat"] as const) {
      const [, validate, onNewMachine] = component(kind).phases;
      for (const { steps } of [validate, onNewMachine])
        for (const name of PACKAGED_SERVICES[kind])
          expect(steps[0].inputs.commands).toContain(
            `systemd-analyze security --offline=true --no-pager --threshold=49 ${name}.service`,
          );
    }
  });

  test("a component's text is within Image Builder's limit, names at their longest", async () => {
    const longest = await build({ name: "abcdefghijkl" });
    for (const { inputs } of longest.ofType(type("Component"))) {
      expect(inputs.data.length).toBeLessThanOrEqual(COMPONENT_LIMIT);
    }
  });

  test("pipelines run monthly, each with its own recipe", () => {
    for (const kind of ["database", "tomcat"]) {
      const { inputs } = images.one(`images-${kind}-pipeline`);
      expect(inputs.imageRecipeArn).toContain(`images-${kind}-recipe`);
      expect(inputs.schedule).toMatchObject({
        scheduleExpression: "cron(0 3 1 * ? *)",
        pipelineExecutionStartCondition: "EXPRESSION_MATCH_ONLY",
      });
    }
  });
});

test("machines of two architectures get two kinds of build machine and the right parent", async () => {
  const images = await build({ fleet: { instanceType: "m7i.large" } });
  expect(images.one("images-tomcat-recipe").inputs.parentImage).toMatch(/^ssm:\/aws\/.*\/amd64$/);
  expect(images.one("images-database-recipe").inputs.parentImage).toMatch(/\/arm64$/);
  expect(images.one("images-tomcat-pipeline").inputs.infrastructureConfigurationArn).toContain(
    "images-amd64",
  );
  expect(images.one("images-database-pipeline").inputs.infrastructureConfigurationArn).toContain(
    "images-arm64",
  );
});

test.each([
  ["r7g.large", "arm64"],
  ["t4g.small", "arm64"],
  ["c7gn.xlarge", "arm64"],
  ["a1.large", "arm64"],
  ["m7i.large", "amd64"],
  ["m7a.large", "amd64"],
  ["g5.xlarge", "amd64"],
  ["g5g.xlarge", "arm64"],
])("%s is %s", (instanceType, architecture) => {
  expect(architectureOf(instanceType)).toBe(architecture);
});
