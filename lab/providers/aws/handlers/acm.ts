/**
 * ACM certificates and the wait for their issue.
 *
 * The emulator doesn't: validate (a certificate is issued at once; the wait only checks that the records
 * asked for are among those named); know a key algorithm or options.
 */
import {
  ACMClient,
  AddTagsToCertificateCommand,
  type CertificateDetail,
  DeleteCertificateCommand,
  DescribeCertificateCommand,
  ListTagsForCertificateCommand,
  RemoveTagsFromCertificateCommand,
  RequestCertificateCommand,
} from "@aws-sdk/client-acm";
import type { AwsContext } from "../context.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { inOrderOf, readBack, tagItems, tagMap, told } from "./read-back.js";
import { tagsFound } from "./tags.js";

const client = (aws: AwsContext) => aws.client(ACMClient);

const certificate: AwsHandler = readBack({
  name: false,
  replaceOn: [
    "certificateAuthorityArn",
    "domainName",
    "keyAlgorithm",
    "subjectAlternativeNames",
    "validationMethod",
    "validationOptions",
  ],
  async make(aws, inputs) {
    const imported = ["certificateBody", "privateKey"].filter((name) => inputs[name] !== undefined);
    if (imported.length > 0) {
      throw new Error(
        `certificate with ${imported.join(", ")}: the stand-in makes requested certificates only`,
      );
    }
    const { CertificateArn } = await client(aws).send(
      new RequestCertificateCommand({
        DomainName: inputs.domainName,
        SubjectAlternativeNames: inputs.subjectAlternativeNames,
        ValidationMethod: inputs.validationMethod,
        Tags: aws.tagList(inputs),
      }),
    );
    return CertificateArn as string;
  },
  async read(aws, id, known) {
    const found = await describe(aws, id);
    if (!found) return undefined;
    const tags = await client(aws).send(new ListTagsForCertificateCommand({ CertificateArn: id }));
    // AWS lists the certificate's own name among the others.
    const others = (found.SubjectAlternativeNames ?? []).filter(
      (name) => name !== found.DomainName || known.subjectAlternativeNames?.includes(name),
    );
    return told({
      arn: found.CertificateArn,
      domainName: found.DomainName,
      subjectAlternativeNames: inOrderOf(known.subjectAlternativeNames, others),
      validationMethod: found.DomainValidationOptions?.[0]?.ValidationMethod,
      domainValidationOptions: (found.DomainValidationOptions ?? []).map(
        ({ DomainName, ResourceRecord }) => ({
          domainName: DomainName,
          resourceRecordName: ResourceRecord?.Name,
          resourceRecordType: ResourceRecord?.Type,
          resourceRecordValue: ResourceRecord?.Value,
        }),
      ),
      status: found.Status,
      type: found.Type,
      notBefore: found.NotBefore?.toISOString(),
      notAfter: found.NotAfter?.toISOString(),
      ...tagsFound(aws, tagMap(tags.Tags), known),
    });
  },
  // Nothing but tags changes in place.
  async update() {},
  tagging: {
    put: (aws, CertificateArn, tags) =>
      client(aws).send(new AddTagsToCertificateCommand({ CertificateArn, Tags: tagItems(tags) })),
    drop: (aws, CertificateArn, keys) =>
      client(aws).send(
        new RemoveTagsFromCertificateCommand({ CertificateArn, Tags: keys.map((Key) => ({ Key })) }),
      ),
  },
  delete: (aws, id) => unlessGone(client(aws).send(new DeleteCertificateCommand({ CertificateArn: id }))),
});

const describe = async (aws: AwsContext, CertificateArn: string): Promise<CertificateDetail | undefined> =>
  (await unlessGone(client(aws).send(new DescribeCertificateCommand({ CertificateArn }))))?.Certificate;

/** No AWS object of this kind exists: its create waits until the certificate is issued. */
const validation: AwsHandler = {
  name: false,
  replaceOn: ["certificateArn", "validationRecordFqdns"],
  async create(aws, { certificateArn, validationRecordFqdns }) {
    const found = await describe(aws, certificateArn);
    if (!found) throw new Error(`certificate ${certificateArn} doesn't exist in ${aws.region}`);
    if (validationRecordFqdns) checkRecords(found, validationRecordFqdns);
    if (found.Status !== "ISSUED") throw new Error(`certificate ${certificateArn} is ${found.Status}`);
    return { id: found.IssuedAt?.toISOString() ?? certificateArn };
  },
  async read(aws, _id, known) {
    const found = known.certificateArn && (await describe(aws, known.certificateArn));
    return found?.Status === "ISSUED" ? known : undefined;
  },
};

/** As the provider does: each name that ACM looks up must be a record of the program. */
function checkRecords(found: CertificateDetail, fqdns: string[]): void {
  const bare = (name = "") => name.replace(/\.$/, "");
  const missing = (found.DomainValidationOptions ?? [])
    .map(({ ResourceRecord }) => bare(ResourceRecord?.Name))
    .filter((name) => !fqdns.map(bare).includes(name));
  if (missing.length > 0) {
    throw new Error(
      `certificate for ${found.DomainName}: validationRecordFqdns lacks ${[...new Set(missing)].join(", ")}\n  ACM looks these records up before it issues.\n  → make a record of each domainValidationOptions entry`,
    );
  }
}

export const acmHandlers: Record<string, AwsHandler> = {
  "aws:acm/certificate:Certificate": certificate,
  "aws:acm/certificateValidation:CertificateValidation": validation,
};
