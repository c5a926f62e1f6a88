/* The number type of tensors: float; double when built with NN_DOUBLE (gradient checks only). */
#ifndef NN_REAL_H
#define NN_REAL_H

#ifdef NN_DOUBLE
typedef double Real;
#else
typedef float Real;
#endif

#endif
