import type { Finding } from '@llama-probe/comparison/ask';
import { create } from 'xmlbuilder2';
import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js';
import { factsOf } from '../facts.js';
import type { TestCase } from './case-results.js';
import { testCases } from './cases.js';
import { xmlLine, xmlText } from './xml-text.js';

/** JUnit XML as GitLab, Jenkins and GitHub's reporters read it: a suite per run, a case per layer and stage. */
export function junit(findings: readonly Finding[]): string {
  const suites = findings.map((finding) => ({ finding, cases: testCases(finding) }));
  const document = create({ version: '1.0', encoding: 'UTF-8' });
  const root = document.ele('testsuites', {
    name: 'llama-probe',
    ...counts(suites.flatMap(({ cases }) => cases)),
    time: seconds(findings.reduce((sum, { report }) => sum + (report.timings.total ?? 0), 0)),
  });
  for (const { finding, cases } of suites) suite(root, finding, cases);
  return `${document.end({ prettyPrint: true })}\n`;
}

function suite(root: XMLBuilder, finding: Finding, cases: readonly TestCase[]): void {
  const { name, report } = finding;
  const element = root.ele('testsuite', {
    name: xmlLine(name),
    ...counts(cases),
    time: seconds(report.timings.total ?? 0),
  });
  const properties = element.ele('properties');
  for (const [key, value] of Object.entries(propertiesOf(finding))) {
    properties.ele('property', { name: key, value: xmlLine(value) });
  }
  // Jenkins takes what comes before a dot for a package.
  const classname = xmlLine(name).replaceAll('.', '_');
  for (const one of cases) testCase(element, classname, one);
}

function testCase(suite: XMLBuilder, classname: string, { name, result }: TestCase): void {
  const element = suite.ele('testcase', { classname, name: xmlLine(name), time: '0' });
  if (result.kind === 'skipped') element.ele('skipped', { message: xmlLine(result.message) });
  if (result.kind === 'failure' || result.kind === 'error') {
    const { kind, type, message, text } = result;
    element.ele(kind, { type, message: xmlLine(message) }).txt(xmlText(text));
  }
}

function counts(cases: readonly TestCase[]): Record<'tests' | 'failures' | 'errors' | 'skipped', number> {
  const of = (kind: TestCase['result']['kind']) => cases.filter(({ result }) => result.kind === kind).length;
  return { tests: cases.length, failures: of('failure'), errors: of('error'), skipped: of('skipped') };
}

/** The facts, by names that stay as they are. */
function propertiesOf({ verdict, reason, report }: Finding): Record<string, string> {
  return { verdict, reason, ...Object.fromEntries(factsOf(report).map(({ name, text }) => [name, text])) };
}

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(3);
