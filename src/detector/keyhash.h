/*-------------------------------------------------------------------------
 *
 * keyhash.h
 *		Hashes of numbers and of bytes that may be keys.
 *
 * Inline, because every value of a collected row is hashed.  They are compared
 * within one backend only and stored nowhere.
 *
 * src/detector/keyhash.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_KEYHASH_H
#define QW_KEYHASH_H

/*
 * Where the hashes begin, so that small numbers and short strings of whatever
 * length share none
 */
#define KEYHASH_NUMBERS	UINT64CONST(0x9e3779b97f4a7c15)
#define KEYHASH_BYTES	UINT64CONST(0xa0761d6478bd642f)

/*
 * The lowest bit of a hash tells numbers from what is none, so that neither
 * need be looked up among the others.
 */
#define KEYHASH_CLASS(hash)	((uint8) (1 << ((hash) & 1)))
#define KEYHASH_OF_NUMBER	UINT64CONST(1)

/* A hash of 0 means that there is no value */
static inline uint64
keyhash_not_zero(uint64 hash)
{
	return hash == 0 ? 2 : hash;
}

/* Other than 0, and its low bits depend on all of the number's */
static inline uint64
keyhash_number(uint64 number)
{
	number = (number ^ KEYHASH_NUMBERS) * UINT64CONST(0xbf58476d1ce4e5b9);
	return (number ^ (number >> 32)) | KEYHASH_OF_NUMBER;
}

/* Makes all bits depend on all others */
static inline uint64
keyhash_mix(uint64 hash)
{
	hash = (hash ^ (hash >> 32)) * UINT64CONST(0xbf58476d1ce4e5b9);
	hash = (hash ^ (hash >> 29)) * UINT64CONST(0x94d049bb133111eb);
	return hash ^ (hash >> 32);
}

/* How large an integer is, without its sign */
static inline uint64
keyhash_magnitude(int64 number)
{
	return number < 0 ? -(uint64) number : (uint64) number;
}

/* Up to eight bytes as a number */
static inline uint64
keyhash_word(const char *bytes, Size length)
{
	uint64		word = 0;
	uint32		first;
	uint32		last;

	if (length == sizeof(uint64))
		memcpy(&word, bytes, sizeof(uint64));
	else if (length >= sizeof(uint32))
	{
		memcpy(&first, bytes, sizeof(uint32));
		memcpy(&last, bytes + length - sizeof(uint32), sizeof(uint32));
		word = (uint64) last << 32 | first;
	}
	else if (length > 0)
		word = (uint64) (uint8) bytes[0] << 16 |
			(uint64) (uint8) bytes[length / 2] << 8 | (uint8) bytes[length - 1];
	return word;
}

/* Other than 0 */
static inline uint64
keyhash_data(const void *data, Size length)
{
	const char *bytes = data;
	uint64		hash = KEYHASH_BYTES * (length + 1);

	for (; length > sizeof(uint64); length -= sizeof(uint64))
	{
		hash = keyhash_mix(hash ^ keyhash_word(bytes, sizeof(uint64)));
		bytes += sizeof(uint64);
	}
	return keyhash_not_zero(keyhash_mix(hash ^ keyhash_word(bytes, length)) &
							~KEYHASH_OF_NUMBER);
}

#endif							/* QW_KEYHASH_H */
