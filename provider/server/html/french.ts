/**
 * French text with the spaces at which no line may break: before `: ; ? ! » %` and after `«`. Values stay as they are:
 * fr`Dépôt dans « ${box} » :`.
 */
export function fr(text: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw({ raw: text.map((part) => part.replaceAll(/ (?=[:;?!»%])|(?<=«) /g, "\u00a0")) }, ...values);
}
