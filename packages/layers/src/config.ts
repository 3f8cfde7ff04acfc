/** Configurations: what a constructor was given, as plain JSON with Keras's keys, and back. */
import { isTensor, tensor, ValueError, type DType, type Like } from '@heed/tensor';

export type Config = Record<string, unknown>;
/** Classes and functions by name; a package's whole namespace will do. */
export type CustomObjects = Readonly<Record<string, unknown>>;

/** An object as Keras writes it. */
export interface Written {
  readonly module?: string;
  readonly class_name: string;
  readonly config: Config;
  /** `package>Name` of a registered class. */
  readonly registered_name?: string | null;
}
export const isWritten = (x: unknown): x is Written =>
  typeof x === 'object' && x !== null && typeof (x as Written).class_name === 'string' && typeof (x as Written).config === 'object' && (x as Written).config !== null;

/** `LayerNormalization` -> `layer_normalization`. */
export const snakeCase = (name: string): string => name.replace(/(.)([A-Z][a-z]+)/g, '$1_$2').replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
/** `useBias` -> `use_bias`, `beta1` -> `beta_1`: the key of an option. */
const keyOf = (option: string): string => snakeCase(option).replace(/([a-z]{2})(\d)/g, '$1_$2');
export const optionOf = (key: string): string => key.replace(/_([a-z\d])/g, (_, c: string) => c.toUpperCase());

/** Options with the defaults in the place of those that were not given; a default of null stands for none. */
export const complete = <O extends object>(defaults: object, given: O): Required<O> =>
  Object.fromEntries([...Object.entries(defaults).filter(([, v]) => v !== null), ...Object.entries(given).filter(([, v]) => v !== undefined)]) as Required<O>;

/** What `static defaults` must state: every option of O but the common ones; undefined for one that must be given. */
export type Defaults<O, Common = never> = { readonly [K in Exclude<keyof O, Common>]-?: undefined extends O[K] ? Exclude<O[K], undefined> | null : undefined };

// ---- classes and their names

type Class = (abstract new (...args: never[]) => unknown) & { readonly name: string; readonly className?: string; fromConfig?(config: Config): unknown };
const registered = new Map<string, Class>();
let scopes: readonly CustomObjects[] = [];

/** Runs `f` where these classes and functions, too, are found by their names. */
export function withObjects<R>(objects: CustomObjects, f: () => R): R {
  const outer = scopes;
  scopes = [objects, ...outer];
  try {
    return f();
  } finally {
    scopes = outer;
  }
}

/**
 * Makes a class of your own loadable, under the name `package>Name` as in Keras. The alternative is to pass it to the load in
 * `customObjects`. `name` is needed only where a bundler shortens the names of classes.
 */
export function registerLayer<C extends Class>(cls: C, { package: home = 'Custom', name = cls.name }: { readonly package?: string; readonly name?: string } = {}): C {
  const full = `${home}>${name}`;
  const other = registered.get(full);
  if (other && other !== cls) throw new ValueError(`registerLayer: ${full} is another class already; give this one another package or name.`);
  registered.set(full, cls);
  return cls;
}

const registeredNameOf = (cls: unknown): string | null => [...registered].find(([, c]) => c === cls)?.[0] ?? null;
/** What the custom objects have under a name. */
export const customObject = (name: string): unknown => scopes.find((s) => Object.hasOwn(s, name))?.[name];
/** The name that a class is written under: its own, whatever a bundler made of it. */
function classNameOf(cls: Class): string {
  if (cls.className !== undefined && Object.hasOwn(cls, 'className')) return cls.className;
  return registeredNameOf(cls)?.split('>').pop() ?? scopes.flatMap((s) => Object.entries(s)).find(([, v]) => v === cls)?.[0] ?? cls.name;
}

// ---- writing

/** A function made from options, which remembers them. */
export interface Described {
  readonly module: string;
  readonly className: string;
  getConfig(): Config;
}

/** A maker of functions that remember what they were made of: how initializers, regularizers and constraints are written. */
export const described = <O extends object, F extends (...args: never[]) => unknown>(module: string, className: string, defaults: Defaults<O>, make: (o: Required<O>) => F) =>
  (given: O = {} as O): F & Described => {
    const strange = Object.entries(given).find(([k, v]) => !(k in defaults) && v !== null && v !== undefined);
    if (strange) throw new ValueError(`${className}: there is no argument ${strange[0]}; there ${Object.keys(defaults).length ? `are ${Object.keys(defaults).join(', ')}` : 'are none'}.`);
    const o = complete(defaults, given);
    return Object.assign(make(o), { module, className, getConfig: () => Object.fromEntries(Object.keys(defaults).map((k) => [keyOf(k), (o as Config)[k] ?? null])) } as Described);
  };

/** A value as JSON: objects by class and configuration, functions by the name they have in a table, or else their own. */
export function serialize(value: unknown, what: string, functions: object = {}): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' && !Number.isFinite(value)) throw new ValueError(`${what}: ${value} cannot be written as JSON; it must be a finite number.`);
  if (['string', 'boolean', 'number'].includes(typeof value)) return value;
  if (Array.isArray(value)) return value.map((v, i) => serialize(v, `${what}[${i}]`, functions));
  if (isTensor(value)) return { class_name: '__tensor__', config: { value: value.toArray(), dtype: value.dtype } };
  if (isWritten(value)) return value;
  const { getConfig, module = 'keras.layers', className } = value as Partial<Described>;
  if (typeof getConfig === 'function') {
    const cls = (value as object).constructor as Class;
    const name = className ?? classNameOf(cls);
    const full = className ? null : registeredNameOf(cls);
    const known = full ? cls : customObject(name);
    if (!className && known && known !== cls) throw new ValueError(`${what}: its class is called ${name} and is not heed's ${name}; registerLayer it, and it has a name of its own.`);
    return { module, class_name: name, config: getConfig.call(value), registered_name: full };
  }
  if (typeof value === 'function') {
    const known = Object.entries(functions).find(([, f]) => f === value);
    if (known) return known[0];
    const name = what.endsWith(`: ${value.name}`) ? '' : value.name; // one that was written in its place is called after the option
    if (!name || Object.hasOwn(functions, name)) {
      throw new ValueError(`${what}: a function ${name ? `called ${name} that is not heed's ${name}` : 'without a name'} cannot be written; give it a name of its own, and pass it to the load in customObjects.`);
    }
    return name;
  }
  if (Object.getPrototypeOf(value) === Object.prototype) return Object.fromEntries(Object.entries(value as object).map(([k, v]) => [k, serialize(v, `${what}.${k}`, functions)]));
  throw new ValueError(`${what}: a ${(value as object).constructor?.name ?? typeof value} cannot be written as JSON; it needs a getConfig.`);
}

/** What a class says of its constructor, once: `new Class(...positional, options)`. Each positional argument is a property, too. */
export interface Arguments {
  readonly name: string;
  readonly positional: readonly string[];
  readonly defaults: Readonly<Record<string, unknown>>;
}

/** The configuration of an object that was made with these options. */
export function configOf(self: object, { name, positional, defaults }: Arguments, options: object, functions: object = {}): Config {
  const lost = Object.keys(options).find((k) => !(k in defaults));
  if (lost) throw new ValueError(`${name}: the option ${lost} would be lost in a file; name it in \`static defaults\` of ${name}, with its default.`);
  const value = (k: string): unknown => (positional.includes(k) ? (self as Config)[k] : (options as Config)[k]);
  return Object.fromEntries([...positional, ...Object.keys(defaults)].map((k) => [keyOf(k), serialize(value(k), `${name}: ${k}`, functions)]));
}

// ---- reading

/** These have getters of their own, which take what is written. */
const kept = ['keras.initializers', 'keras.regularizers', 'keras.constraints'];

/** What was written by `serialize`, made again; `what` tells the reader of an error where it stands. */
export function deserialize(value: unknown, what: string): unknown {
  if (Array.isArray(value)) return value.map((v, i) => deserialize(v, `${what}[${i}]`));
  if (!isWritten(value)) return value;
  const { class_name: name, registered_name: full, config, module } = value;
  if (kept.includes(module!)) return value;
  if (name === '__tensor__') return tensor(config.value as Like, { dtype: config.dtype as DType });
  const cls = (customObject(full ?? name) ?? customObject(name) ?? registered.get(full ?? name)) as Class | undefined;
  if (!cls) throw new ValueError(`${what}: there is no class ${full ?? name} here; pass { ${name} } in customObjects, or registerLayer(${name}) first.`);
  if (typeof cls.fromConfig !== 'function') throw new ValueError(`${what}: ${name} in customObjects is not a class with fromConfig; pass the class itself.`);
  return cls.fromConfig(config);
}

/**
 * An object of a class from its configuration; unknown and missing keys are refused. `common`: the options that the base class
 * takes; `functions`: those that are known by name, others are looked for among the custom objects.
 */
export function construct(cls: Arguments, config: Config, common: readonly string[] = [], functions: object = {}): unknown {
  const { name, positional, defaults } = cls;
  const known = [...common, ...positional, ...Object.keys(defaults)];
  const given: Config = {};
  for (const [key, v] of Object.entries(config)) {
    const option = optionOf(key);
    if (!known.includes(option) || keyOf(option) !== key) throw new ValueError(`${name}: a configuration has no key ${key}; there are ${known.map(keyOf).join(', ')}.`);
    const own = typeof v === 'string' && /(activation|initializer|regularizer|constraint|rate)$/i.test(option) && !Object.hasOwn(functions, v) ? customObject(v) : undefined;
    // A null that stands for none is left to the constructor.
    if (v !== null || defaults[option] !== null) given[option] = typeof own === 'function' ? own : deserialize(v, `${name}: ${key}`);
  }
  const missing = positional.find((k) => !(k in given));
  if (missing) throw new ValueError(`${name}: the configuration lacks ${keyOf(missing)}; it needs ${positional.map(keyOf).join(', ')}.`);
  const args = positional.map((k) => given[k]);
  for (const k of positional) delete given[k];
  return new (cls as unknown as new (...args: unknown[]) => unknown)(...args, given);
}

/** Something by its name or configuration from a table of makers, or as it is. */
export function lookUp<F extends (...args: never[]) => unknown>(kind: string, which: F | string | Written, makers: Readonly<Record<string, (o?: never) => F>>): F {
  if (typeof which === 'function') return which;
  const name = typeof which === 'string' ? which : String(which?.class_name);
  const key = Object.hasOwn(makers, name) ? name : snakeCase(name);
  if (!Object.hasOwn(makers, key)) throw new ValueError(`get${kind}: there is no ${kind.toLowerCase()} '${name}'; use ${Object.keys(makers).join(', ')}.`);
  return isWritten(which) ? makers[key]!(Object.fromEntries(Object.entries(which.config).map(([k, v]) => [optionOf(k), v])) as never) : makers[key]!();
}
