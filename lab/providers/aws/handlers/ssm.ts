/** SSM parameters. */
import {
  AddTagsToResourceCommand,
  DeleteParameterCommand,
  DescribeParametersCommand,
  GetParameterCommand,
  ListTagsForResourceCommand,
  PutParameterCommand,
  RemoveTagsFromResourceCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { discreet, unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { readBack, tagItems, tagMap, told } from "./read-back.js";
import { tagsFound } from "./tags.js";

const client = (aws: AwsContext) => aws.client(SSMClient);

const parameter: AwsHandler = readBack({
  name: { property: "name", maxLength: 1011 },
  replaceOn: ["name", "dataType"],
  recomputed: ["version"],
  async make(aws, inputs) {
    // A new parameter takes its tags with it; an overwritten one refuses them there.
    const Tags = inputs.overwrite ? undefined : aws.tagList(inputs);
    await client(aws).send(
      new PutParameterCommand({ ...definition(inputs), Overwrite: inputs.overwrite ?? false, Tags }),
    );
    return inputs.name;
  },
  async complete(aws, id, inputs) {
    if (inputs.overwrite) await putTags(aws, id, aws.allTags(inputs));
  },
  async read(aws, id, known) {
    const found = await unlessGone(
      client(aws).send(new GetParameterCommand({ Name: id, WithDecryption: true })),
    );
    if (!found?.Parameter) return undefined;
    const { Parameter } = found;
    const [described, tags] = await Promise.all([
      client(aws).send(
        new DescribeParametersCommand({
          ParameterFilters: [{ Key: "Name", Option: "Equals", Values: [id] }],
        }),
      ),
      client(aws).send(new ListTagsForResourceCommand({ ResourceType: "Parameter", ResourceId: id })),
    ]);
    const details = described.Parameters?.[0];
    return {
      ...told({
        name: Parameter.Name,
        arn: Parameter.ARN,
        type: Parameter.Type,
        version: Parameter.Version,
        dataType: Parameter.DataType,
        keyId: details?.KeyId,
        tier: details?.Tier,
        allowedPattern: details?.AllowedPattern,
        ...tagsFound(aws, tagMap(tags.TagList), known),
      }),
      description: details?.Description ?? "",
      value: Parameter.Value,
      ...(known.insecureValue === undefined ? {} : { insecureValue: Parameter.Value }),
    };
  },
  async update(aws, _id, news) {
    await client(aws).send(new PutParameterCommand({ ...definition(news), Overwrite: true }));
  },
  tagging: {
    put: (aws, id, tags) => putTags(aws, id, tags),
    drop: (aws, ResourceId, TagKeys) =>
      client(aws).send(new RemoveTagsFromResourceCommand({ ResourceType: "Parameter", ResourceId, TagKeys })),
  },
  delete: (aws, id) => unlessGone(client(aws).send(new DeleteParameterCommand({ Name: id }))),
});

const definition = (inputs: Props) => ({
  Name: inputs.name,
  Type: inputs.type,
  Value: inputs.value ?? inputs.insecureValue,
  Description: inputs.description ?? "",
  KeyId: inputs.keyId,
  Tier: inputs.tier,
  DataType: inputs.dataType,
  AllowedPattern: inputs.allowedPattern,
});

const putTags = (aws: AwsContext, ResourceId: string, tags: Readonly<Record<string, string>>) =>
  client(aws).send(
    new AddTagsToResourceCommand({ ResourceType: "Parameter", ResourceId, Tags: tagItems(tags) }),
  );

export const ssmHandlers: Record<string, AwsHandler> = {
  "aws:ssm/parameter:Parameter": discreet(parameter, "value", "insecureValue"),
};
