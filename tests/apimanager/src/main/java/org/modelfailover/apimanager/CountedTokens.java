package org.modelfailover.apimanager;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.wso2.carbon.databridge.agent.DataPublisher;
import org.wso2.carbon.databridge.commons.Event;

import java.util.List;

/**
 * One event of the host's {@code ThrottleHandler}: what a subscriber has used up.
 *
 * @param application application and user
 * @param subscription application, API and tier
 * @param api the API's name
 */
public record CountedTokens(
        String application,
        String subscription,
        String api,
        long prompt,
        long completion,
        long total) {

    /** All since {@link DataPublisher#forget}; an answer's may come a little after the answer. */
    public static List<CountedTokens> all() {
        return DataPublisher.events().stream().map(CountedTokens::of).toList();
    }

    /** The columns are those of {@code org.wso2.throttle.request.stream:1.0.0}. */
    private static CountedTokens of(Event event) {
        Object[] columns = event.getPayloadData();
        JsonObject properties = JsonParser.parseString((String) columns[16]).getAsJsonObject();
        return new CountedTokens(
                (String) columns[1],
                (String) columns[5],
                (String) columns[15],
                tokens(properties, "PROMPT"),
                tokens(properties, "COMPLETION"),
                tokens(properties, "TOTAL"));
    }

    private static long tokens(JsonObject properties, String kind) {
        return properties.get(kind + "_TOKENS").getAsLong();
    }
}
