/**
 * Lambda functions and who may call them. The emulator does run functions of Node and Python, with the
 * interpreters of this machine.
 *
 * The emulator doesn't: assume the function's role when the function calls AWS (it gets the caller's);
 * attach it to a VPC; keep `publish`ed versions apart from the newest in `version` here.
 */
import * as lambda from "@aws-sdk/client-lambda";
import { type Props, same } from "../../values.js";
import type { AwsContext } from "../context.js";
import { zipOf } from "./archives.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { readBack, told } from "./read-back.js";

const client = (aws: AwsContext): lambda.LambdaClient => aws.client(lambda.LambdaClient);

const functionArn = (aws: AwsContext, name: string) => aws.arn("lambda", `function:${name}`);

const codeFor = (inputs: Props): lambda.FunctionCode => {
  if (inputs.code) return { ZipFile: zipOf(inputs.code) };
  if (inputs.imageUri) return { ImageUri: inputs.imageUri };
  return { S3Bucket: inputs.s3Bucket, S3Key: inputs.s3Key, S3ObjectVersion: inputs.s3ObjectVersion };
};

const CODE = ["code", "imageUri", "s3Bucket", "s3Key", "s3ObjectVersion", "sourceCodeHash"];

const configFor = (inputs: Props) => ({
  FunctionName: inputs.name,
  Role: inputs.role,
  Runtime: inputs.runtime,
  Handler: inputs.handler,
  Description: inputs.description,
  MemorySize: inputs.memorySize,
  Timeout: inputs.timeout,
  KMSKeyArn: inputs.kmsKeyArn,
  Layers: inputs.layers,
  Environment: { Variables: inputs.environment?.variables ?? {} },
  TracingConfig: inputs.tracingConfig && { Mode: inputs.tracingConfig.mode },
  DeadLetterConfig: inputs.deadLetterConfig && { TargetArn: inputs.deadLetterConfig.targetArn },
  EphemeralStorage: inputs.ephemeralStorage && { Size: inputs.ephemeralStorage.size },
  LoggingConfig: inputs.loggingConfig && {
    LogFormat: inputs.loggingConfig.logFormat,
    LogGroup: inputs.loggingConfig.logGroup,
    ApplicationLogLevel: inputs.loggingConfig.applicationLogLevel,
    SystemLogLevel: inputs.loggingConfig.systemLogLevel,
  },
  VpcConfig: inputs.vpcConfig && {
    SubnetIds: inputs.vpcConfig.subnetIds,
    SecurityGroupIds: inputs.vpcConfig.securityGroupIds,
  },
});

/** AWS takes the next change only when the last one is through. */
const settled = (aws: AwsContext, FunctionName: string) =>
  lambda.waitUntilFunctionUpdatedV2(
    { client: client(aws), maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { FunctionName },
  );

const setConcurrency = async (aws: AwsContext, FunctionName: string, limit: number | undefined) => {
  if (limit === undefined) return;
  // -1 is the provider's word for "no limit".
  if (limit < 0) await client(aws).send(new lambda.DeleteFunctionConcurrencyCommand({ FunctionName }));
  else {
    await client(aws).send(
      new lambda.PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: limit }),
    );
  }
};

const lambdaFunction = readBack({
  name: { property: "name", maxLength: 64 },
  replaceOn: ["name", "packageType"],
  recomputed: ["lastModified", "version", "qualifiedArn"],
  tagging: {
    put: (aws, id, Tags) =>
      client(aws).send(new lambda.TagResourceCommand({ Resource: functionArn(aws, id), Tags })),
    drop: (aws, id, TagKeys) =>
      client(aws).send(new lambda.UntagResourceCommand({ Resource: functionArn(aws, id), TagKeys })),
  },
  async make(aws, inputs) {
    await client(aws).send(
      new lambda.CreateFunctionCommand({
        ...configFor(inputs),
        Code: codeFor(inputs),
        PackageType: inputs.packageType,
        Architectures: inputs.architectures,
        Publish: inputs.publish,
        Tags: aws.allTags(inputs),
      }),
    );
    return inputs.name;
  },
  async complete(aws, id, inputs) {
    await setConcurrency(aws, id, inputs.reservedConcurrentExecutions);
    await lambda.waitUntilFunctionActiveV2(
      { client: client(aws), maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { FunctionName: id },
    );
  },
  async read(aws, id, known) {
    const found = await unlessGone(client(aws).send(new lambda.GetFunctionCommand({ FunctionName: id })));
    const config = found?.Configuration;
    if (!config) return undefined;
    const arn = functionArn(aws, id);
    const variables = config.Environment?.Variables ?? {};
    return told({
      name: config.FunctionName,
      role: config.Role,
      runtime: config.Runtime,
      handler: config.Handler,
      description: config.Description,
      memorySize: config.MemorySize,
      timeout: config.Timeout,
      kmsKeyArn: config.KMSKeyArn,
      architectures: config.Architectures,
      packageType: config.PackageType,
      layers: config.Layers?.map(({ Arn }) => Arn),
      environment: Object.keys(variables).length > 0 || known.environment ? { variables } : undefined,
      tracingConfig: config.TracingConfig && { mode: config.TracingConfig.Mode },
      deadLetterConfig: config.DeadLetterConfig?.TargetArn
        ? { targetArn: config.DeadLetterConfig.TargetArn }
        : undefined,
      ephemeralStorage: config.EphemeralStorage && { size: config.EphemeralStorage.Size },
      reservedConcurrentExecutions: found.Concurrency?.ReservedConcurrentExecutions ?? -1,
      // Code that somebody else put there is no longer what the program says.
      ...(known.code && known.codeSha256 !== config.CodeSha256 && { code: { hash: config.CodeSha256 } }),
      codeSha256: config.CodeSha256,
      sourceCodeSize: config.CodeSize,
      lastModified: config.LastModified,
      version: config.Version,
      arn,
      qualifiedArn: `${arn}:${config.Version}`,
      invokeArn: `arn:aws:apigateway:${aws.region}:lambda:path/2015-03-31/functions/${arn}/invocations`,
      tagsAll: found.Tags ?? {},
    });
  },
  async update(aws, id, news, olds) {
    await client(aws).send(new lambda.UpdateFunctionConfigurationCommand(configFor(news)));
    await settled(aws, id);
    const sameCode = CODE.every((name) => same(news[name], olds[name]));
    if (!sameCode || !same(news.architectures, olds.architectures)) {
      await client(aws).send(
        new lambda.UpdateFunctionCodeCommand({
          FunctionName: id,
          ...codeFor(news),
          Architectures: news.architectures,
          Publish: news.publish,
        }),
      );
      await settled(aws, id);
    }
    if (!same(news.reservedConcurrentExecutions, olds.reservedConcurrentExecutions)) {
      await setConcurrency(aws, id, news.reservedConcurrentExecutions ?? -1);
    }
  },
  async delete(aws, id, { skipDestroy }) {
    if (skipDestroy) return;
    await unlessGone(client(aws).send(new lambda.DeleteFunctionCommand({ FunctionName: id })));
  },
});

/** The function may be given by name or ARN. */
const nameOf = (name: string): string => name.split(":function:").at(-1)?.split(":")[0] as string;

const permission = readBack({
  name: { property: "statementId", maxLength: 100 },
  replaceOn: [
    "action",
    "eventSourceToken",
    "function",
    "functionUrlAuthType",
    "principal",
    "principalOrgId",
    "qualifier",
    "sourceAccount",
    "sourceArn",
    "statementId",
  ],
  async make(aws, inputs) {
    await client(aws).send(
      new lambda.AddPermissionCommand({
        FunctionName: inputs.function,
        StatementId: inputs.statementId,
        Action: inputs.action,
        Principal: inputs.principal,
        SourceArn: inputs.sourceArn,
        SourceAccount: inputs.sourceAccount,
        PrincipalOrgID: inputs.principalOrgId,
        FunctionUrlAuthType: inputs.functionUrlAuthType,
        Qualifier: inputs.qualifier,
      }),
    );
    return inputs.statementId;
  },
  async read(aws, id, known) {
    // An import names the statement by function and id.
    const [name, statementId] = known.function
      ? [known.function, known.statementId]
      : (id.split("/") as [string, string]);
    const found = await unlessGone(
      client(aws).send(new lambda.GetPolicyCommand({ FunctionName: name, Qualifier: known.qualifier })),
    );
    const statements: Props[] = JSON.parse(found?.Policy ?? "{}").Statement ?? [];
    const statement = statements.find(({ Sid }) => Sid === statementId);
    if (!statement) return undefined;
    const { Principal, Condition = {} } = statement;
    return told({
      // A name or an ARN: as the user wrote it, if it is the same function.
      function:
        known.function && nameOf(known.function) === nameOf(statement.Resource)
          ? known.function
          : nameOf(statement.Resource),
      statementId,
      action: statement.Action,
      principal: typeof Principal === "string" ? Principal : (Principal.Service ?? Principal.AWS),
      sourceArn: Condition.ArnLike?.["AWS:SourceArn"],
      sourceAccount: Condition.StringEquals?.["AWS:SourceAccount"],
      principalOrgId: Condition.StringEquals?.["aws:PrincipalOrgID"],
      functionUrlAuthType: Condition.StringEquals?.["lambda:FunctionUrlAuthType"],
    });
  },
  delete: (aws, _id, state) =>
    unlessGone(
      client(aws).send(
        new lambda.RemovePermissionCommand({
          FunctionName: state.function,
          StatementId: state.statementId,
          Qualifier: state.qualifier,
        }),
      ),
    ),
});

export const lambdaHandlers: Record<string, AwsHandler> = {
  "aws:lambda/function:Function": lambdaFunction,
  "aws:lambda/permission:Permission": permission,
};
