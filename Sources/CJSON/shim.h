// Only what Wire calls: <json-c/json.h> would draw in much of libc, which Swift then takes for members of this module.
#include <json-c/json_object.h>
#include <json-c/json_object_iterator.h>
#include <json-c/json_tokener.h>
