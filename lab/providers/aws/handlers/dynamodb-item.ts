/** One item of a table. Its create is conditional, as the provider's is: it never touches an item that is there. */
import {
  type AttributeValue,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";

type Item = Record<string, AttributeValue>;

const client = (aws: AwsContext) => aws.client(DynamoDBClient);

const tableItem: AwsHandler = {
  name: false,
  replaceOn: ["tableName", "hashKey", "rangeKey"],
  async create(aws, inputs) {
    const item = itemOf(inputs);
    await client(aws).send(
      new PutItemCommand({
        TableName: inputs.tableName,
        Item: item,
        ConditionExpression: "attribute_not_exists(#hash)",
        ExpressionAttributeNames: { "#hash": inputs.hashKey },
      }),
    );
    return { id: idOf(inputs, item), outputs: keyValues(inputs, item) };
  },
  async read(aws, id) {
    const place = await placeOf(aws, id);
    if (!place) return undefined;
    const { tableName, hashKey, rangeKey, Key } = place;
    const found = await unlessGone(
      client(aws).send(new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true })),
    );
    if (!found?.Item) return undefined;
    const keys = { tableName, hashKey, ...(rangeKey && { rangeKey }) };
    return { ...keys, ...keyValues(keys, found.Item), item: JSON.stringify(found.Item, binaryAsText) };
  },
  async update(aws, id, news) {
    const item = itemOf(news);
    const place = await placeOf(aws, id);
    if (place && idOf(news, item) !== idOf(place, place.Key)) {
      throw new Error(`item ${id}: its key can't change\n  → give the resource another name`);
    }
    await client(aws).send(new PutItemCommand({ TableName: news.tableName, Item: item }));
    return undefined;
  },
  async delete(aws, id) {
    const place = await placeOf(aws, id);
    if (!place) return;
    await unlessGone(client(aws).send(new DeleteItemCommand({ TableName: place.tableName, Key: place.Key })));
  },
};

const itemOf = ({ item }: Props): Item =>
  JSON.parse(item, (key, value) =>
    key === "B" && typeof value === "string" ? Buffer.from(value, "base64") : value,
  );

const keyValue = (item: Item, name: string): string => `${Object.values(item[name] ?? {})[0]}`;

/** `table|hashKey|value|rangeKey|value`, as the provider's. */
const idOf = ({ tableName, hashKey, rangeKey }: Props, item: Item): string =>
  [tableName, ...[hashKey, rangeKey].flatMap((key) => (key ? [key, keyValue(item, key)] : []))].join("|");

const keyValues = ({ hashKey, rangeKey }: Props, item: Item): Props => ({
  hashKeyValue: keyValue(item, hashKey),
  ...(rangeKey && { rangeKeyValue: keyValue(item, rangeKey) }),
});

/**
 * What an id says, with the names and types of the keys, which only the table knows.
 * @param id ours, or what an import is given: `table,value,value`.
 */
async function placeOf(aws: AwsContext, id: string) {
  const [tableName = "", ...rest] = id.split(id.includes("|") ? "|" : ",");
  const [hash, range] = id.includes("|") ? [rest[1], rest[3]] : rest;
  const found = await unlessGone(client(aws).send(new DescribeTableCommand({ TableName: tableName })));
  if (!found?.Table) return undefined;
  const { KeySchema = [], AttributeDefinitions = [] } = found.Table;
  const nameOf = (type: string) => KeySchema.find(({ KeyType }) => KeyType === type)?.AttributeName;
  const typed = (name: string, value = ""): AttributeValue => {
    const type =
      AttributeDefinitions.find(({ AttributeName }) => AttributeName === name)?.AttributeType ?? "S";
    return { [type]: type === "B" ? Buffer.from(value, "base64") : value } as never;
  };
  const [hashKey = "", rangeKey] = [nameOf("HASH"), nameOf("RANGE")];
  const Key: Item = {
    [hashKey]: typed(hashKey, hash),
    ...(rangeKey && { [rangeKey]: typed(rangeKey, range) }),
  };
  return { tableName, hashKey, rangeKey, Key };
}

const binaryAsText = (_key: string, value: unknown) =>
  value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;

export const dynamodbItemHandlers: Record<string, AwsHandler> = {
  "aws:dynamodb/tableItem:TableItem": tableItem,
};
