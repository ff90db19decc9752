import type * as pulumi from "@pulumi/pulumi";

/** A type whose parts may each be outputs of other resources, at any depth. */
export type DeepInput<T> = pulumi.Input<
  T extends readonly (infer Item)[] ? DeepInput<Item>[] : T extends object ? InputsOf<T> : T
>;

/** The properties of `T` as a program may give them. */
export type InputsOf<T> = {
  [Key in keyof T]: undefined extends T[Key] ? DeepInput<Exclude<T[Key], undefined>> | undefined : DeepInput<T[Key]>;
};
