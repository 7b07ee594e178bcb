// Shapes of documents: written once, they give the compiler its type and a test its judge.

/** Says what is wrong with a value, each line with the place it is wrong at. */
export type Shape<T> = { readonly wrong: (value: unknown, at: string) => string[]; readonly type?: T };

/** The type a shape stands for. */
export type Of<S> = S extends Shape<infer T> ? T : never;

const primitive = <T>(name: string): Shape<T> => ({
	wrong: (value, at) => (typeof value === name ? [] : [`${at}: ${name} expected`]),
});

export const text = primitive<string>('string');
export const number = primitive<number>('number');
export const flag = primitive<boolean>('boolean');

/** One of these words and no other. */
export const oneOf = <const W extends string>(...words: W[]): Shape<W> => ({
	wrong: (value, at) =>
		words.includes(value as W) ? [] : [`${at}: ${JSON.stringify(value)} is none of ${words}`],
});

/** Either what it says, or null. */
export const maybe = <T>(shape: Shape<T>): Shape<T | null> => ({
	wrong: (value, at) => (value === null ? [] : shape.wrong(value, at)),
});

export const list = <T>(shape: Shape<T>): Shape<T[]> => ({
	wrong: (value, at) =>
		Array.isArray(value)
			? value.flatMap((item, index) => shape.wrong(item, `${at}[${index}]`))
			: [`${at}: a list expected`],
});

type Fields = Record<string, Shape<unknown>>;
type Record_<F extends Fields> = { [K in keyof F]: Of<F[K]> };

/** Exactly these fields: one that is missing is as wrong as one nobody knows. */
export const record = <F extends Fields>(fields: F): Shape<Record_<F>> => ({
	wrong: (value, at) => {
		if (typeof value !== 'object' || value === null || Array.isArray(value)) {
			return [`${at}: an object expected`];
		}
		const given = value as Record<string, unknown>;
		const unknown = Object.keys(given).filter((name) => !(name in fields));
		return [
			...unknown.map((name) => `${at}.${name}: nobody knows it`),
			...Object.entries(fields).flatMap(([name, shape]) =>
				name in given ? shape.wrong(given[name], `${at}.${name}`) : [`${at}.${name}: missing`],
			),
		];
	},
});

type Cases = Record<string, Fields>;
type Union<Tag extends string, C extends Cases> = {
	[K in keyof C & string]: { [T in Tag]: K } & Record_<C[K]>;
}[keyof C & string];

/** One of several records, told apart by a word under `tag`. */
export const tagged = <Tag extends string, C extends Cases>(
	tag: Tag,
	cases: C,
): Shape<Union<Tag, C>> => ({
	wrong: (value, at) => {
		const word = (value as Record<string, unknown> | null)?.[tag];
		const fields = typeof word === 'string' ? cases[word] : undefined;
		if (!fields) return [`${at}.${tag}: ${JSON.stringify(word)} is none of ${Object.keys(cases)}`];
		return record({ [tag]: text, ...fields }).wrong(value, at);
	},
});
