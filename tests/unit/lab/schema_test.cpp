// schema/lab.schema.json names exactly the keys and words that the reader knows.
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "lab/keys.hpp"

namespace warren {
namespace {

namespace json = boost::json;

json::value schema() {
    std::ifstream file(WARREN_SOURCE_DIR "/schema/lab.schema.json");
    std::stringstream content;
    content << file.rdbuf();
    return json::parse(content.str());
}

const json::object& object_of(const json::value& root, std::string_view name) {
    return name == "lab" ? root.as_object() : root.at("$defs").as_object().at(name).as_object();
}

TEST(Schema, HasTheReadersKeysBothWays) {
    const json::value root = schema();
    std::set<std::string> tables;
    for (const auto& table : lab_keys()) {
        tables.emplace(table.object);
        const json::object& object = object_of(root, table.object);
        EXPECT_FALSE(object.at("additionalProperties").as_bool()) << table.object;
        std::set<std::string> in_schema;
        for (const auto& property : object.at("properties").as_object()) { in_schema.emplace(property.key()); }
        EXPECT_EQ(in_schema, std::set<std::string>(table.keys.begin(), table.keys.end())) << table.object;
    }
    // A mapping of the schema that the reader has no table for.
    for (const auto& definition : root.at("$defs").as_object()) {
        if (definition.value().as_object().contains("properties")) {
            EXPECT_TRUE(tables.contains(std::string(definition.key()))) << definition.key();
        }
    }
}

template <class T, std::size_t N>
std::set<std::string> words_of(const std::array<Word<T>, N>& words) {
    std::set<std::string> texts;
    for (const auto& word : words) { texts.emplace(word.text); }
    return texts;
}

std::set<std::string> enum_of(const json::object& object, std::string_view key) {
    std::set<std::string> texts;
    for (const auto& item : object.at("properties").at(key).at("enum").as_array()) {
        texts.emplace(item.as_string());
    }
    return texts;
}

TEST(Schema, HasTheReadersWords) {
    const json::value root = schema();
    EXPECT_EQ(enum_of(object_of(root, "lab"), "root"), words_of(kRoots));
    EXPECT_EQ(enum_of(object_of(root, "switch"), "kind"), words_of(kSwitchKinds));
    EXPECT_EQ(enum_of(object_of(root, "switch"), "datapath"), words_of(kDatapaths));
    EXPECT_EQ(enum_of(object_of(root, "switch"), "fail-mode"), words_of(kFailModes));
    EXPECT_EQ(enum_of(object_of(root, "interface"), "wire"), words_of(kWires));
    EXPECT_EQ(enum_of(object_of(root, "interface"), "state"), words_of(kLinkStates));
    EXPECT_EQ(enum_of(object_of(root, "link"), "state"), words_of(kLinkStates));
    EXPECT_EQ(enum_of(object_of(root, "service"), "restart"), words_of(kRestarts));
}

void expect_described(const json::value& value, const std::string& where) {
    if (const auto* object = value.if_object()) {
        if (const auto* properties = object->if_contains("properties");
            properties != nullptr && where != "properties") {
            for (const auto& property : properties->as_object()) {
                const auto& schema_of = property.value().as_object();
                EXPECT_TRUE(schema_of.contains("description") || schema_of.contains("$ref"))
                    << where << "." << property.key();
            }
        }
        for (const auto& member : *object) {
            expect_described(member.value(), where + "." + std::string(member.key()));
        }
    }
    if (const auto* array = value.if_array()) {
        for (const auto& item : *array) { expect_described(item, where + "[]"); }
    }
}

// Follows every $ref.
void expect_resolved(const json::value& root, const json::value& value) {
    if (const auto* object = value.if_object()) {
        if (const auto* ref = object->if_contains("$ref")) {
            const std::string_view text = ref->as_string();
            ASSERT_TRUE(text.starts_with("#/$defs/")) << text;
            EXPECT_TRUE(root.at("$defs").as_object().contains(text.substr(8))) << text;
        }
        for (const auto& member : *object) { expect_resolved(root, member.value()); }
    }
    if (const auto* array = value.if_array()) {
        for (const auto& item : *array) { expect_resolved(root, item); }
    }
}

TEST(Schema, DescribesEveryKeyAndResolvesEveryReference) {
    const json::value root = schema();
    EXPECT_EQ(root.at("$schema").as_string(), "https://json-schema.org/draft/2020-12/schema");
    expect_described(root, "");
    expect_resolved(root, root);
}

}  // namespace
}  // namespace warren
