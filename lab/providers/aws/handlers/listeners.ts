/** Listeners of load balancers. What the emulator doesn't do: see `load-balancers.ts`. */
import * as elb from "@aws-sdk/client-elastic-load-balancing-v2";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { attributesFor, attributesIn, elbClient, elbTagging, elbTags } from "./elb-common.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { fillIn, readBack, told } from "./read-back.js";

const ATTRIBUTES = {
  routingHttpResponseServerEnabled: "routing.http.response.server.enabled",
  routingHttpResponseStrictTransportSecurityHeaderValue:
    "routing.http.response.strict_transport_security.header_value",
  routingHttpResponseXContentTypeOptionsHeaderValue:
    "routing.http.response.x_content_type_options.header_value",
  routingHttpResponseXFrameOptionsHeaderValue: "routing.http.response.x_frame_options.header_value",
  routingHttpResponseContentSecurityPolicyHeaderValue:
    "routing.http.response.content_security_policy.header_value",
};

const actionsFor = (actions: Props[] = []): elb.Action[] =>
  actions.map(({ type, order, targetGroupArn, redirect, fixedResponse, forward }, i) => ({
    Type: type,
    Order: order ?? i + 1,
    // The emulator knows one target group; that of a weighted forward is its first.
    TargetGroupArn: targetGroupArn ?? forward?.targetGroups?.[0]?.arn,
    ForwardConfig: forward && {
      TargetGroups: forward.targetGroups?.map(({ arn, weight }: Props) => ({
        TargetGroupArn: arn,
        Weight: weight,
      })),
    },
    RedirectConfig: redirect && {
      Protocol: redirect.protocol,
      Port: redirect.port,
      Host: redirect.host,
      Path: redirect.path,
      Query: redirect.query,
      StatusCode: redirect.statusCode,
    },
    FixedResponseConfig: fixedResponse && {
      ContentType: fixedResponse.contentType,
      MessageBody: fixedResponse.messageBody,
      StatusCode: fixedResponse.statusCode,
    },
  }));

function actionsIn(actions: elb.Action[] | undefined, known: Props[] | undefined): Props[] {
  return (actions ?? []).map((action, i) => {
    const found = told({
      type: action.Type,
      order: action.Order,
      targetGroupArn: known?.[i]?.forward ? undefined : action.TargetGroupArn,
      redirect:
        action.RedirectConfig &&
        told({
          protocol: action.RedirectConfig.Protocol,
          port: action.RedirectConfig.Port,
          host: action.RedirectConfig.Host,
          path: action.RedirectConfig.Path,
          query: action.RedirectConfig.Query,
          statusCode: action.RedirectConfig.StatusCode,
        }),
      fixedResponse:
        action.FixedResponseConfig &&
        told({
          contentType: action.FixedResponseConfig.ContentType,
          messageBody: action.FixedResponseConfig.MessageBody,
          statusCode: action.FixedResponseConfig.StatusCode,
        }),
    });
    return fillIn(found, known?.[i], ["forward"]);
  });
}

const listenerFor = (inputs: Props) => ({
  // As the provider: HTTP unless a certificate is named.
  Protocol: inputs.protocol ?? (inputs.certificateArn ? "HTTPS" : "HTTP"),
  Port: inputs.port,
  SslPolicy: inputs.sslPolicy,
  Certificates: inputs.certificateArn && [{ CertificateArn: inputs.certificateArn }],
  DefaultActions: actionsFor(inputs.defaultActions),
});

async function setAttributes(aws: AwsContext, ListenerArn: string, inputs: Props) {
  const Attributes = attributesFor(ATTRIBUTES, inputs);
  if (Attributes.length === 0) return;
  await elbClient(aws).send(new elb.ModifyListenerAttributesCommand({ ListenerArn, Attributes }));
}

const listener = readBack({
  replaceOn: ["loadBalancerArn"],
  tagging: elbTagging,
  async make(aws, inputs) {
    const { Listeners } = await elbClient(aws).send(
      new elb.CreateListenerCommand({
        LoadBalancerArn: inputs.loadBalancerArn,
        ...listenerFor(inputs),
        Tags: aws.tagList(inputs),
      }),
    );
    return Listeners?.[0]?.ListenerArn as string;
  },
  complete: setAttributes,
  async read(aws, id, known) {
    const client = elbClient(aws);
    const found = await unlessGone(client.send(new elb.DescribeListenersCommand({ ListenerArns: [id] })));
    const listener = found?.Listeners?.[0];
    if (!listener) return undefined;
    const { Attributes = [] } = await client.send(
      new elb.DescribeListenerAttributesCommand({ ListenerArn: id }),
    );
    return {
      ...attributesIn(ATTRIBUTES, Attributes, known),
      ...told({
        loadBalancerArn: listener.LoadBalancerArn,
        port: listener.Port,
        protocol: listener.Protocol,
        sslPolicy: listener.SslPolicy,
        certificateArn: listener.Certificates?.[0]?.CertificateArn,
        defaultActions: actionsIn(listener.DefaultActions, known.defaultActions),
        arn: id,
        tagsAll: await elbTags(aws, id),
      }),
    };
  },
  async update(aws, id, news) {
    await elbClient(aws).send(new elb.ModifyListenerCommand({ ListenerArn: id, ...listenerFor(news) }));
    await setAttributes(aws, id, news);
  },
  delete: (aws, id) => unlessGone(elbClient(aws).send(new elb.DeleteListenerCommand({ ListenerArn: id }))),
});

export const listenerHandlers: Record<string, AwsHandler> = {
  "aws:lb/listener:Listener": listener,
};
